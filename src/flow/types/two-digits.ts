// Numbers below a hundred with a leading zero, from a table: clocks and cents are printed for every row.

const TWO_DIGITS = Array.from({ length: 100 }, (_, value) => String(value).padStart(2, '0'));
/** Of a whole number of at least 0. */
export const pad2 = (value: number): string => TWO_DIGITS[value] ?? String(value);
