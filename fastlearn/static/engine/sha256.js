// SHA-256 (FIPS 180-4): browsers have it too, but only in pages loaded over an encrypted connection.

const isPrime = n => { for (let i = 2; i * i <= n; i++) if (n % i === 0) return false; return true; };
const PRIMES = Array.from({ length: 310 }, (_, i) => i + 2).filter(isPrime).slice(0, 64);
const fraction = number => ((number - Math.floor(number)) * 2 ** 32) | 0;
const CONSTANTS = Int32Array.from(PRIMES, prime => fraction(Math.cbrt(prime)));

const turn = (x, bits) => (x >>> bits) | (x << (32 - bits));

function addBlock(hash, bytes, at, words) {
  for (let i = 0; i < 16; i++, at += 4) {
    words[i] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
  }
  for (let i = 16; i < 64; i++) {
    const [x, y] = [words[i - 15], words[i - 2]];
    const low = turn(x, 7) ^ turn(x, 18) ^ (x >>> 3);
    words[i] = (words[i - 16] + low + words[i - 7] + (turn(y, 17) ^ turn(y, 19) ^ (y >>> 10))) | 0;
  }
  let [a, b, c, d, e, f, g, h] = hash;
  for (let i = 0; i < 64; i++) {
    const choice = (e & f) ^ (~e & g);
    const first = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + choice + CONSTANTS[i] + words[i]) | 0;
    const second = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g; g = f; f = e; e = (d + first) | 0; d = c; c = b; b = a; a = (first + second) | 0;
  }
  [a, b, c, d, e, f, g, h].forEach((value, i) => { hash[i] = (hash[i] + value) | 0; });
}

/** @param {Uint8Array[]} parts  of one message @returns {string} 64 digits */
export function sha256(parts) {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const message = new Uint8Array(Math.ceil((length + 9) / 64) * 64);
  let at = 0;
  for (const part of parts) { message.set(part, at); at += part.length; }
  message[length] = 128;
  new DataView(message.buffer).setBigUint64(message.length - 8, BigInt(length) * 8n);
  const hash = Int32Array.from(PRIMES.slice(0, 8), prime => fraction(Math.sqrt(prime)));
  const words = new Int32Array(64);
  for (let i = 0; i < message.length; i += 64) addBlock(hash, message, i, words);
  return Array.from(hash, word => (word >>> 0).toString(16).padStart(8, '0')).join('');
}
