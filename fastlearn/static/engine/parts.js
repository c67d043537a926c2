// The parts of the page that are fetched only when they are needed: weights, engine, dashboard, drawn images. They are
// plain scripts, so that a page opened as a file can load them too; a page of one file already contains them.

const parts = (window.fastlearnParts ??= {});
const asked = new Map();

function fetchScript(name) {
  return new Promise((resolve, reject) => {
    const script = document.createElement('script');
    const failed = () => {
      asked.delete(name);
      reject(new Error(`${name}.js could not be fetched; check the network connection and reload the page`));
    };
    Object.assign(script, { src: `${parts.base ?? ''}${name}.js`, onload: resolve, onerror: failed });
    document.head.append(script);
  });
}

/** @param {'worker'|'dashboard'|'compare'|'weights'|'pets'} name */
export async function part(name) {
  if (!(name in parts)) {
    if (!asked.has(name)) asked.set(name, fetchScript(name));
    await asked.get(name);
  }
  return parts[name];
}

/** @param {Uint8Array} bytes */
export function toBase64(bytes) {
  let text = '';
  for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
  return btoa(text);
}
