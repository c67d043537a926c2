// Finds problems in a set of images before training. Pure functions.

const GRID = 8;        // of the small images that are compared
const ALIKE = 4;       // mean difference of two of them, 0-255, up to which two images count as the same
const [FEW, UNEVEN] = [10, 10];

/** Mean colors of a grid of cells of the middle square. @returns {number[]} 3 x 8 x 8 */
export function smallImage({ width, height, pixels }) {
  const side = Math.min(width, height);
  const [left, top] = [(width - side) >> 1, (height - side) >> 1];
  const edges = Array.from({ length: GRID + 1 }, (_, i) => Math.floor((i * side) / GRID));
  const cells = [];
  for (let c = 0; c < 3; c++) for (let row = 0; row < GRID; row++) for (let column = 0; column < GRID; column++) {
    let [sum, count] = [0, 0];
    for (let y = edges[row]; y < edges[row + 1]; y++) {
      for (let x = edges[column]; x < edges[column + 1]; x++, count++) {
        sum += pixels[(c * height + top + y) * width + left + x];
      }
    }
    cells.push(count ? sum / count : 0);
  }
  return cells;
}

/** Pairs of images that look the same. @param {number[][]} smalls @returns {[number, number][]} */
export function duplicates(smalls) {
  const mean = smalls.map(cells => cells.reduce((a, b) => a + b, 0) / cells.length);
  const order = smalls.map((_, i) => i).sort((a, b) => mean[a] - mean[b]);
  const pairs = [];
  order.forEach((a, at) => {
    for (let next = at + 1; next < order.length && mean[order[next]] - mean[a] <= ALIKE; next++) {
      const b = order[next];
      const apart = smalls[a].reduce((sum, cell, i) => sum + Math.abs(cell - smalls[b][i]), 0) / smalls[a].length;
      if (apart <= ALIKE) pairs.push([Math.min(a, b), Math.max(a, b)]);
    }
  });
  return pairs;
}

const counted = (count, what) => `${count} ${what}${count === 1 ? '' : 's'}`;

/**
 * @param {{name: string, images: {name: string, small: number[]}[]}[]} classes
 * @param {{name: string, why: string}[]} unreadable
 * @returns {{problems: string[], warnings: string[]}} a problem prevents training
 */
export function findProblems(classes, unreadable = []) {
  const filled = classes.filter(({ images }) => images.length);
  const names = filled.map(({ name }) => name.trim());
  const twice = names.find((name, i) => names.indexOf(name) < i);
  const [problems, warnings] = [[], []];
  if (!filled.length) problems.push('There are no images yet. Choose or drop some images for each of two classes.');
  else if (filled.length === 1) {
    problems.push(`Only one class (${names[0] || 'unnamed'}) has images, so there is nothing to classify. `
                  + 'Add images of a second class.');
  }
  if (names.some(name => !name)) problems.push('A class has no name. Give it one; it is shown with each prediction.');
  if (twice) {
    problems.push(`Two classes are called ${twice}. Give them different names, or put their images into one class.`);
  }
  for (const { name, images } of filled) {
    if (images.length < 2) {
      problems.push(`${name} has 1 image. Each class needs two: one for training and one for validation.`);
    } else if (images.length < FEW) {
      warnings.push(`${name} has only ${images.length} images. With fewer than ${FEW}, the network learns little `
                    + 'and the error rate is imprecise.');
    }
  }
  const counts = filled.map(({ images }) => images.length);
  if (Math.max(...counts) > UNEVEN * Math.min(...counts)) {
    warnings.push('One class has more than ten times as many images as another, so the network will prefer it.');
  }
  const all = filled.flatMap(({ name, images }) => images.map(image => ({ ...image, of: name })));
  const pairs = duplicates(all.map(({ small }) => small));
  if (pairs.length) {
    const [a, b] = pairs.find(([i, j]) => all[i].of !== all[j].of)?.map(i => all[i]) ?? pairs[0].map(i => all[i]);
    const both = a.of === b.of ? '' : `, once as ${a.of} and once as ${b.of}`;
    warnings.push(`${counted(pairs.length, 'pair')} of images look the same, such as ${a.name} and ${b.name}${both}. `
                  + 'If one is in the training set and the other is held out, the error rate is too optimistic.');
  }
  if (unreadable.length) {
    warnings.push(`${counted(unreadable.length, 'file')} left out: ${unreadable[0].why}`
                  + `${unreadable.length > 1 ? `, and ${unreadable.length - 1} more` : ''}.`);
  }
  return { problems, warnings };
}
