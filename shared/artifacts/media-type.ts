/** Comes back as the header Content-Type, so nothing may be in it that a header cannot hold (RFC 9110, section 8.3.1). */
export const MEDIA_TYPE: RegExp = /^[\w.+-]+\/[\w.+-]+(?: *;[\x20-\x7e]*)?$/;
