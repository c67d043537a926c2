// The module that anywidget loads: the dashboard of a training run in the kernel.
import { render } from './dashboard.js'

export default { render };
