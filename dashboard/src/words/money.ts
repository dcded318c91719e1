/** Money as people read it: millionths of a unit of its currency. Pure. */

const MICROS = 1_000_000;

/** 0.0042 USD, 1.25 USD, 120 USD: as many digits as it takes to see that it is not nothing. */
export const moneyText = (micros: number, currency: string): string => {
  const amount = micros / MICROS;
  const digits = amount === 0 || amount >= 100 ? 0 : amount >= 1 ? 2 : 4;
  return `${amount.toFixed(digits)} ${currency}`;
};
