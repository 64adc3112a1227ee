/** Splicing one HEVC stream into another. Clauses are of ITU-T H.265. */
import { nextPrefix, PREFIX_BYTES, trimZeros } from './annex-b.ts'

/** nal_unit_type, table 7-1. */
const BLA_W_LP = 16
const BLA_W_RADL = 17
const BLA_N_LP = 18
const CRA = 21
const END_OF_SEQUENCE = 36

const TYPE_BITS = 0x7e
const NAL_HEADER_BYTES = 2
/** no_output_of_prior_pics_flag: the second bit of an IRAP picture's slice segment header (7.3.6.1). */
const NO_OUTPUT_OF_PRIOR = 0x40

/** Leading pictures kept after the splice; RASL pictures refer to pictures before it. */
export type KeptLeadingPictures = 'all' | 'decodable'

/**
 * Copy of an access unit: its CRA pictures become BLA pictures, and BLA pictures get no_output_of_prior_pics_flag 0, so
 * that pictures decoded before them are output. A CRA picture behind an end of sequence decodes to the same, but its
 * NoOutputOfPriorPicsFlag is inferred to be 1 (C.5.2.2): decoders discard what they have not output yet. Slice segment
 * headers of both kinds differ only in nal_unit_type, which is the same in all of a picture (7.4.2.2).
 */
export const asBrokenLink = (unit: Uint8Array, leading: KeptLeadingPictures): Uint8Array => {
  const linked = unit.slice()
  const type = leading === 'all' ? BLA_W_LP : BLA_W_RADL
  for (
    let prefix = nextPrefix(linked, 0);
    prefix >= 0;
    prefix = nextPrefix(linked, prefix + PREFIX_BYTES)
  ) {
    const header = prefix + PREFIX_BYTES
    const slice = header + NAL_HEADER_BYTES
    if (slice >= linked.length) break
    const found = (linked[header]! & TYPE_BITS) >> 1
    if (found === CRA) linked[header] = (linked[header]! & ~TYPE_BITS) | (type << 1)
    if (found === CRA || (found >= BLA_W_LP && found <= BLA_N_LP)) {
      linked[slice] = linked[slice]! & ~NO_OUTPUT_OF_PRIOR
    }
  }
  return linked
}

/** True if the last NAL unit is an end of sequence (7.4.2.4.4): what follows is decoded as after a splice. */
export const endsSequence = (unit: Uint8Array): boolean => {
  const end = trimZeros(unit, 0, unit.length)
  const header = end - NAL_HEADER_BYTES
  return (
    header >= PREFIX_BYTES &&
    (unit[header]! & TYPE_BITS) >> 1 === END_OF_SEQUENCE &&
    unit[header - 1] === 1 &&
    unit[header - 2] === 0 &&
    unit[header - 3] === 0
  )
}
