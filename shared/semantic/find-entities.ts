/** A stretch of a text that names something. */
export interface Mention {
  readonly entityType: EntityType;
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

export type EntityType = "email" | "url" | "date" | "amount" | "organization" | "person" | "phrase";

/** How much each rule is to be believed: what has a form of its own, before what is told by its neighbours, before mere capitals. */
export const CONFIDENCE: Readonly<Record<EntityType, number>> = {
  email: 0.95,
  url: 0.95,
  date: 0.9,
  amount: 0.9,
  organization: 0.8,
  person: 0.8,
  phrase: 0.5,
};

const MONTHS =
  "Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?";
const NAME = "\\p{Lu}[\\p{L}\\p{N}'’&-]{0,40}";
const LEGAL =
  "Inc|Ltd|LLC|LLP|PLC|GmbH|AG|SE|KG|SA|SAS|BV|NV|Corp|Corporation|Company|Co|Group|Holdings?|Bank|University|Institute|Ministry|Agency|Foundation|Association|Committee";
const CURRENCIES = "USD|EUR|GBP|CHF|JPY|CNY|INR|CAD|AUD|SEK|NOK|DKK|PLN";

/**
 * What is recognized, the surest first: each rule takes what the ones before it have left. These are rules of form: a person needs a
 * title, an organization its legal form or kind; any other run of capitalized words is a phrase, whatever it names.
 */
const RULES: readonly (readonly [EntityType, RegExp])[] = [
  ["email", /[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}/gu],
  ["url", /https?:\/\/[^\s<>"')\]]{1,500}[^\s<>"')\].,;:!?]/gu],
  [
    "date",
    new RegExp(
      `\\b(?:\\d{4}-\\d{2}-\\d{2}|\\d{1,2}[./]\\d{1,2}[./]\\d{4}|(?:${MONTHS})\\.? \\d{1,2}(?:st|nd|rd|th)?,? \\d{4}|\\d{1,2}\\.? (?:${MONTHS}) \\d{4})\\b`,
      "gu",
    ),
  ],
  [
    "amount",
    new RegExp(
      `(?:[$€£¥] ?|\\b(?:${CURRENCIES}) )\\d[\\d,. ]{0,20}(?<=\\d)(?: (?:million|billion|thousand))?|\\b\\d[\\d,.]{0,20}(?<=\\d) ?(?:[€£¥]|(?:${CURRENCIES})\\b)`,
      "gu",
    ),
  ],
  [
    "organization",
    new RegExp(
      `${NAME}(?: (?:of |& )?${NAME}){0,4},? (?:${LEGAL})\\b|(?:University|Institute|Ministry|Bank) of ${NAME}(?: ${NAME}){0,2}`,
      "gu",
    ),
  ],
  [
    "person",
    new RegExp(`\\b(?:Mr|Mrs|Ms|Mx|Dr|Prof|Sir|Dame|President|Senator|Judge)\\.? ${NAME}(?: ${NAME}){0,2}`, "gu"),
  ],
  ["phrase", new RegExp(`${NAME}(?: (?:of |de |van |von )?${NAME}){1,3}`, "gu")],
];

/** The mentions in a text, in its order; none overlaps another. */
export function findMentions(text: string): readonly Mention[] {
  const found: Mention[] = [];
  const taken = new Uint8Array(text.length);
  for (const [entityType, rule] of RULES) {
    for (const match of text.matchAll(rule)) {
      const [name] = match;
      const [start, end] = [match.index, match.index + name.length];
      if (taken.subarray(start, end).includes(1)) continue;
      taken.fill(1, start, end);
      found.push({ entityType, name: name.trim(), start, end });
    }
  }
  return found.toSorted((a, b) => a.start - b.start);
}

/** Where each sentence of a text ends; the last one ends with it. */
export function sentenceEnds(text: string): readonly number[] {
  const ends = [
    ...text.matchAll(/(?<!\b(?:Mr|Mrs|Ms|Mx|Dr|Prof|St|No|vs))[.!?](?=\s+[\p{Lu}\d"“(]|\s*$)|\n{2,}/gu),
  ].map(({ index }) => index + 1);
  return ends.at(-1) === text.length ? ends : [...ends, text.length];
}
