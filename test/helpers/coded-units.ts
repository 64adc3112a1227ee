/** Small hand-written coded frames: H.264 pictures that parse as far as their headers, and whole ADTS frames. */

/** x264, 320x180, baseline, 25 frames per second. */
const PARAMETER_SETS = Buffer.from(
  '000000016742c00cda05067e7c0440000003004000000c83c50aa80000000168ce0fc8',
  'hex',
)
const DELIMITER = Uint8Array.of(0, 0, 0, 1, 0x09, 0xf0)
const IDR = Uint8Array.of(0, 0, 0, 1, 0x65, 0x88, 0x84)
const NOT_IDR = Uint8Array.of(0, 0, 0, 1, 0x41, 0x9a, 0x24)

/** Bytes that look coded: no start code in them, and different for each seed. */
const filler = (size: number, seed: number): Uint8Array => {
  const bytes = new Uint8Array(size)
  for (let i = 0; i < size; i++) bytes[i] = 3 + ((i * 7 + seed * 13) % 250)
  return bytes
}

/** An access unit of H.264 whose slice has `size` bytes; an IDR has parameter sets in front. */
export const h264Unit = (kind: 'idr' | 'p', size: number, seed = 0): Uint8Array => {
  const head = kind === 'idr' ? [PARAMETER_SETS, IDR] : [NOT_IDR]
  return new Uint8Array(Buffer.concat([DELIMITER, ...head, filler(size, seed)]))
}

/** ISO/IEC 13818-7, 6.2: an ADTS frame, AAC LC, 48 kHz, stereo; 1920 ticks long. `size` with its header. */
export const adtsFrame = (size: number, seed = 0): Uint8Array =>
  Uint8Array.of(
    0xff,
    0xf1,
    0x4c,
    0x80 | (size >> 11),
    (size >> 3) & 0xff,
    ((size & 7) << 5) | 0x1f,
    0xfc,
    ...filler(size - 7, seed),
  )
