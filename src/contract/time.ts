import type { Brand } from '../lib/brand.ts'

/** 90 kHz media time, unwrapped to a plain number (may be fractional until it is written; wraps to 33 bits only on the wire). */
export type Ticks90k = Brand<number, 'Ticks90k'>
/** Milliseconds of a monotonic clock, or a duration. */
export type Millis = Brand<number, 'Millis'>

export const TICKS_PER_SECOND = 90_000
export const TICKS_PER_MS = 90

export const ticks = (value: number): Ticks90k => value as Ticks90k
export const millis = (value: number): Millis => value as Millis
export const ticksOfMs = (ms: number): Ticks90k => (ms * TICKS_PER_MS) as Ticks90k
