// What anywidget loads: the dashboard of a run that is trained in the kernel.
import { render } from './dashboard.js'

export default { render };
