// Image files that the user drops or takes with the camera.

const IMAGE = /\.(jpe?g|png|webp|gif|bmp|avif)$/i;
const HIDDEN = /^\./;  // system files, such as .DS_Store

/** Whether a file may be an image, by its type and name. */
export const looksLikeImage = ({ name, type }) => !HIDDEN.test(name) && (type.startsWith('image/') || IMAGE.test(name));

/** A sentence about the files that are not images; '' if there are none. */
export function leftOutText(files) {
  const others = files.filter(file => !HIDDEN.test(file.name) && !looksLikeImage(file)).map(({ name }) => name);
  if (!others.length) return '';
  const names = others.slice(0, 3).join(', ') + (others.length > 3 ? ', …' : '');
  return others.length === 1 ? `1 file is not an image: ${names}` : `${others.length} files are not images: ${names}`;
}

/** The folder of a path: "tabby" of "cats/tabby/1.jpg". @returns {string} '' without a folder */
export const folderOf = path => path.split('/').slice(0, -1).at(-1) ?? '';

async function filesIn(entry, path = '') {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    return [{ file, folder: path }];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {  // a reader returns up to a hundred at a time
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) break;
    for (const one of some) found.push(...await filesIn(one, entry.name));
  }
  return found;
}

/** The dropped files, including those in folders. @returns {Promise<{file: File, folder: string}[]>} */
export async function droppedFiles(transfer) {
  const entries = [...transfer.items].map(item => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files].map(file => ({ file, folder: '' }));
  return (await Promise.all(entries.map(entry => filesIn(entry)))).flat();
}

/** Lets the user drop files on `element`. @param {(files: {file: File, folder: string}[]) => void} dropped */
export function acceptDrops(element, signal, dropped) {
  for (const kind of ['dragenter', 'dragover', 'dragleave', 'drop']) {
    element.addEventListener(kind, event => {
      if (!event.dataTransfer?.types.includes('Files')) return;
      event.preventDefault();
      event.stopPropagation();
      element.classList.toggle('fl-over', kind === 'dragenter' || kind === 'dragover');
      if (kind === 'drop') droppedFiles(event.dataTransfer).then(dropped);
    }, { signal });
  }
}

/**
 * Takes photos with the camera until the user closes it.
 * @param {HTMLVideoElement} video
 * @returns {Promise<{take: () => Promise<File>, end: () => void}>}
 */
export async function openCamera(video) {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 480, facingMode: 'environment' } });
  video.srcObject = stream;
  await video.play();
  let count = 0;
  return {
    async take() {
      const canvas = document.createElement('canvas');
      Object.assign(canvas, { width: video.videoWidth, height: video.videoHeight });
      canvas.getContext('2d').drawImage(video, 0, 0);
      const blob = await new Promise(resolve => { canvas.toBlob(resolve, 'image/jpeg', 0.92); });
      count += 1;
      return new File([blob], `camera ${count}.jpg`, { type: 'image/jpeg' });
    },
    end() {
      for (const track of stream.getTracks()) track.stop();
      video.srcObject = null;
    },
  };
}
