import type { Rational } from '../contract/format.ts'

/** Encoders with a variable rate write their time base where the rate belongs: 1000 or 90000 "frames" per second. */
const MAX_FRAME_RATE = 300

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b))

/** Frame rate in lowest terms; undefined below 1 or above 300 per second. */
export function frameRate(num: number, den: number): Rational | undefined {
  if (num <= 0 || den <= 0 || num < den || num > den * MAX_FRAME_RATE) return undefined
  const divisor = gcd(num, den)
  return { num: num / divisor, den: den / divisor }
}
