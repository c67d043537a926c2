// What a page calls: the six lines with a Run button, and "Teach it your pictures".
import { mountSixLines } from './six_lines.js'
import { mountTeach } from './teach.js'

export const pageParts = { mountSixLines, mountTeach };
