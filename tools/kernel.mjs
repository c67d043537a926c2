// Assembles fastlearn/static/engine/kernel.wat and writes its bytes into kernel.js: node tools/kernel.mjs [--print]
// Needs the npm package wabt: npm install --no-save wabt, or NODE_PATH where it lies elsewhere.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const folder = new URL('../fastlearn/static/engine/', import.meta.url);
const wabt = await createRequire(import.meta.url)('wabt')();
const source = readFileSync(new URL('kernel.wat', folder), 'utf8');
const { buffer } = wabt.parseWat('kernel.wat', source, { simd: true }).toBinary({ write_debug_names: false });
const text = Buffer.from(buffer).toString('base64');
if (process.argv.includes('--print')) console.log(text);
else {
  const file = new URL('kernel.js', folder);
  const lines = text.match(/.{1,112}/g).map(line => `'${line}'`).join(' +\n  ');
  const made = readFileSync(file, 'utf8').replace(/const KERNEL =[^;]*;/, `const KERNEL =\n  ${lines};`);
  writeFileSync(file, made);
}
