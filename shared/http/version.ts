/** Of this API, as its documents and its health tell it. */
export const VERSION = "0.1.0";
