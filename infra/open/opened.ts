/** Something opened, and how to close it where that takes more than letting go of it. */
export interface Opened<Adapter> {
  readonly adapter: Adapter;
  readonly close?: () => Promise<void>;
}
