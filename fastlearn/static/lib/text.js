// Formats numbers as text. Pure functions.

/** 1951.2 -> "1,951" */
export const groupedText = value => String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ',');  // Intl: 50 ms at first

/** 0.000512 -> "5.1e-4"; without an exponent where none is needed: 0, 1.49, 100 */
export function powerText(value, digits = 1) {
  const isPlain = value === 0 || (value >= 1 && value < 1000);
  return isPlain ? String(Number(value.toPrecision(3))) : value.toExponential(digits);
}

/** The text of a tick, short enough for the axis: 0.25 -> "0.25", 400000 -> "4e5" */
export function lossTick(value, digits) {
  return Math.abs(value) < 1e5 ? value.toFixed(digits) : value.toExponential().replace('e+', 'e');
}

/** 313664 -> "314k", 14964736 -> "15M" */
export function countText(count) {
  if (count < 1000) return String(count);
  const [value, unit] = count < 999500 ? [count / 1e3, 'k'] : [count / 1e6, 'M'];
  return value.toFixed(value < 9.95 ? 1 : 0) + unit;
}

/** -0.5 -> "−0.50"; what rounds to zero has no sign */
export const twoDigits = value => value.toFixed(2).replace(/^-(?!0\.00)/, '−').replace(/^-/, '');

/** 0.9981 -> ">99%"; only 1 becomes "100%" */
export const percentText = share => (share > 0.995 && share < 1 ? '>99%' : `${Math.round(share * 100)}%`);

/** "waiting" -> "Waiting" */
export const sentenceText = text => text.charAt(0).toUpperCase() + text.slice(1);

/** 125 -> "2 min 5 s" */
export function durationText(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes} min ${whole % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
