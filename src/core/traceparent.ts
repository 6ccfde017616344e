/** W3C Trace Context, version 00 and what later versions keep of it: `version-traceid-parentid-flags`. */
export const traceparentPattern = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** The header when it is one; anything else is ignored, as the recommendation asks. */
export function validTraceparent(header: string | undefined): string | undefined {
  return header !== undefined && traceparentPattern.test(header) ? header : undefined;
}
