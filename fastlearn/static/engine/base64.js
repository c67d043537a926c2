// Decodes base64 text into bytes. Runs in the worker, because megabytes would block the page.

/** @param {string} base64 @returns {Uint8Array} */
export function fromBase64(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
