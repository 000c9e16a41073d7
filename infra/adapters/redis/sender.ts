/**
 * Who sends, and a number for each thing sent: by both a script recognizes what the network delivers twice.
 *  D1  A number is given once, and a later call has a greater one.
 *  D2  A repeat on the way carries the number of the first attempt.
 */
export interface Sender {
  readonly name: string;
  next(): number;
  /** The sender and its next number in one. */
  delivery(): string;
}

/** `name` must be unique among all that ever use the same Redis; it has neither spaces nor colons. */
export function createSender(name: string): Sender {
  let number = 0;
  const next = (): number => {
    number += 1;
    return number;
  };
  return { name, next, delivery: () => `${name}:${next()}` };
}
