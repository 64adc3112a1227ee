/** One frame of silence, 1024 samples in two channels: 46 bits written from the syntax, so that nothing is encoded. */

/**
 * AudioSpecificConfig, ISO/IEC 14496-3, 1.6.2.1: AAC LC (2), 48 kHz (index 3), 2 channels; then GASpecificConfig (4.4.1),
 * three zeros.
 */
export const SILENT_CONFIG = Uint8Array.of((2 << 3) | (3 >> 1), ((3 & 1) << 7) | (2 << 3))
export const SILENT_SAMPLE_RATE = 48_000
export const SILENT_CHANNELS = 2
/** 1024 samples at 48 kHz, in 90 kHz: exact. */
export const SILENT_TICKS = 1_920

/**
 * raw_data_block (4.4.2.1): a channel_pair_element (4.4.2.1, table 4.5) whose scale factor bands end before the first one,
 * so that it has neither sections, scale factors nor spectrum.
 */
export const silentFrame = (): Uint8Array => {
  const bits = [
    [3, 1], // id_syn_ele: ID_CPE
    [4, 0], // element_instance_tag
    [1, 1], // common_window
    [1, 0], // ics_info: ics_reserved_bit
    [2, 0], // window_sequence: ONLY_LONG_SEQUENCE
    [1, 0], // window_shape: sine
    [6, 0], // max_sfb
    [1, 0], // predictor_data_present
    [2, 0], // ms_mask_present
    ...channelStream(),
    ...channelStream(),
    [3, 7], // id_syn_ele: ID_END
  ] as const
  return packed(bits)
}

/** individual_channel_stream with a common window (table 4.50). */
const channelStream = () =>
  [
    [8, 0], // global_gain
    [1, 0], // pulse_data_present
    [1, 0], // tns_data_present
    [1, 0], // gain_control_data_present
  ] as const

/** byte_alignment pads with zeros. */
const packed = (fields: readonly (readonly [bits: number, value: number])[]): Uint8Array => {
  const text = fields.map(([bits, value]) => value.toString(2).padStart(bits, '0')).join('')
  return Uint8Array.from({ length: Math.ceil(text.length / 8) }, (_, at) =>
    Number.parseInt(text.slice(at * 8, at * 8 + 8).padEnd(8, '0'), 2),
  )
}
