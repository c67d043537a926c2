// The user's classes: a name, and images that are chosen, dropped, or taken with the camera.
import { button, make, nameButton, setText } from '../lib/elements.js'
import { acceptDrops, folderOf, leftOutText, looksLikeImage, openCamera } from './files.js'
import { pictureOf } from './live_run.js'

export const [FEWEST, MOST_CLASSES] = [2, 10];
const SHOWN = 12;  // thumbnails per class

/** A button that opens the dialog for files. */
function chooser(text, name, properties, signal, chosen) {
  const input = make('input', '', { type: 'file', multiple: true, hidden: true, tabIndex: -1, ...properties });
  const open = button(text, name, signal, () => input.click());
  input.addEventListener('change', () => {
    const files = [...input.files];
    input.value = '';
    chosen(files.map(file => ({ file, folder: folderOf(file.webkitRelativePath ?? '') })));
  }, { signal });
  return [open, input];
}

/** The camera of one class: a button opens it, another takes a photo. */
function createCamera(signal, taken) {
  const video = make('video', 'fl-video', { muted: true, playsInline: true, hidden: true });
  let camera = null;
  const shoot = async () => taken([{ file: await camera.take(), folder: '' }]);
  const take = button('Take a photo', 'Take a photo', signal, shoot);
  take.hidden = true;
  const open = button('Camera', 'Camera', signal, async () => {
    if (camera) { camera.end(); camera = null; } else {
      try { camera = await openCamera(video); } catch (error) { setText(said, `The camera failed: ${error.message}`); }
    }
    video.hidden = take.hidden = !camera;
    const words = camera ? 'Close camera' : 'Camera';
    setText(open, words);
    nameButton(open, words);
  });
  const said = make('span', 'fl-note', { role: 'status' });
  open.hidden = !navigator.mediaDevices?.getUserMedia;
  signal.addEventListener('abort', () => camera?.end());
  return { buttons: [open, take, said], video, end: () => { camera?.end(); camera = null; } };
}

/**
 * @param {object} options
 * @param {(file: File) => Promise<object>} options.decode  see decodeImage; rejects with a sentence
 * @param {() => void} options.changed
 */
export function createClassList({ signal, decode, changed }) {
  const rows = [];
  const list = make('ol', 'fl-classes');
  const status = make('p', 'fl-note', { role: 'status' });
  const unreadable = [];
  let hasOwn = false;
  const add = button('+ Add a class', 'Add a class', signal, () => addRow().name.focus());
  const words = 'Choose a folder that contains one folder per class';
  const isFolder = { webkitdirectory: true };
  const [folders, folderInput] = chooser(words, words, isFolder, signal, sortIntoClasses);
  const hint = make('span', 'fl-note', { textContent: 'or drop folders here: each folder becomes a class' });
  const element = make('section', 'fl-section fl-drop', {}, list,
    make('div', 'fl-actions', {}, add, folders, folderInput, hint), status);
  acceptDrops(element, signal, sortIntoClasses);

  function addRow(named = '') {
    const row = { images: [] };
    const properties = { type: 'text', value: named, maxLength: 40, placeholder: 'name of the class' };
    row.name = make('input', 'fl-name', properties);
    row.thumbs = make('div', 'fl-thumbs');
    row.count = make('span', 'fl-note');
    const take = files => addFiles(row, files.map(({ file }) => file));
    const [choose, input] = chooser('Choose images', 'Choose images', { accept: 'image/*' }, signal, take);
    row.camera = createCamera(signal, take);
    row.clear = button('✕', 'Remove this class', signal, () => removeRow(row));
    row.element = make('li', 'fl-class', {},
      make('div', 'fl-actions', {}, row.name, choose, input, ...row.camera.buttons, row.count, row.clear),
      row.camera.video, row.thumbs);
    row.name.addEventListener('input', () => { nameRows(); changed(); }, { signal });
    acceptDrops(row.element, signal, files => {
      if (files.every(({ folder }) => !folder)) take(files); else sortIntoClasses(files);
    });
    row.choose = choose;
    rows.push(row);
    list.append(row.element);
    nameRows();
    changed();
    return row;
  }
  function removeRow(row) {
    row.camera.end();
    rows.splice(rows.indexOf(row), 1);
    row.element.remove();
    while (rows.length < FEWEST) addRow();
    nameRows();
    changed();
    add.focus();
  }
  function nameRows() {
    rows.forEach((row, i) => {
      const name = row.name.value.trim() || `class ${i + 1}`;
      row.name.setAttribute('aria-label', `Name of class ${i + 1}`);
      nameButton(row.choose, `Choose images of ${name}`);
      nameButton(row.clear, `Remove ${name}`);
    });
    add.disabled = folders.disabled = rows.length >= MOST_CLASSES;
  }
  /** Files with folders: each folder is a class; a class without a name, or with the same name, is filled first. */
  async function sortIntoClasses(files) {
    const names = [...new Set(files.filter(({ file }) => looksLikeImage(file)).map(({ folder }) => folder))];
    for (const folder of names) {
      const own = files.filter(one => one.folder === folder).map(({ file }) => file);
      const row = rows.find(({ name }) => name.value.trim() === folder)
        ?? rows.find(({ name, images }) => !name.value.trim() && !images.length)
        ?? (rows.length < MOST_CLASSES ? addRow() : null);
      if (!row) {
        setText(status, `${folder} was left out, because the page allows up to ${MOST_CLASSES} classes.`);
        return;
      }
      if (!row.name.value.trim()) row.name.value = folder;
      nameRows();
      await addFiles(row, own);
    }
    setText(status, leftOutText(files.map(({ file }) => file)));
  }
  async function addFiles(row, files) {
    const wanted = files.filter(looksLikeImage);
    for (const [i, file] of wanted.entries()) {
      setText(status, `Reading ${file.name}, ${i + 1} of ${wanted.length}`);
      try {
        addImage(row, { ...await decode(file), name: file.name });
        hasOwn = true;
      } catch (error) {
        unreadable.push({ name: file.name, why: error.message });
      }
      if (signal.aborted) return;
    }
    setText(status, leftOutText(files));
    changed();
  }
  function addImage(row, image) {
    row.images.push(image);
    setText(row.count, `${row.images.length} image${row.images.length === 1 ? '' : 's'}`);
    if (row.images.length <= SHOWN) row.thumbs.append(make('img', '', { src: pictureOf(image), alt: image.name }));
  }
  addRow();
  addRow();
  return {
    element,
    unreadable,
    /** Whether the user added images, which would be lost in a reload. */
    hasOwn: () => hasOwn,
    /** @returns {{name: string, images: object[]}[]} classes that have images */
    classes: () => rows.map(({ name, images }) => ({ name: name.value.trim(), images })),
    /** Adds classes with their images. @param {{name: string, images: object[]}[]} classes */
    fill(classes) {
      for (const row of [...rows]) { rows.splice(rows.indexOf(row), 1); row.element.remove(); }
      for (const { name, images } of classes) {
        const row = addRow(name);
        for (const image of images) addImage(row, image);
      }
      changed();
    },
  };
}
