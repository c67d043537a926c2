// What anywidget loads: the dashboard of a run that is trained in the kernel.
import { render } from './board.js'

export default { render };
