/** The operator's web page, whole. */
export interface ConsolePage {
  /** One HTML document that fetches nothing but what the API serves. */
  readonly html: string;
  /** The `content-security-policy` under which it works: its own script and style by their hashes, and this origin's API. */
  readonly policy: string;
}
