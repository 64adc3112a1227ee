/**
 * Rules of the analyzer: ETSI TR 101 290, 5.2.1 and 5.2.2 (first and second priority) where the standard names them,
 * and the stricter invariants of Sluice's own program.
 */

export type Severity = 'error' | 'warning'

/** 'standard': exceeding a limit of Sluice's program only is a warning. 'program': it is an error. */
export type RuleSet = 'standard' | 'program'

/** TR 101 290 1.3.a, 1.5.a: PAT and PMT at least every 0.5 s. */
export const MAX_TABLE_INTERVAL_MS = 500
export const MAX_TABLE_INTERVAL_PROGRAM_MS = 100
/** TR 101 290 3.5 names 2 s for the SDT. */
export const MAX_SDT_INTERVAL_MS = 2_000
/** ISO/IEC 13818-1, 2.7.2; TR 101 290 2.3.a. */
export const MAX_PCR_INTERVAL_MS = 100
export const MAX_PCR_INTERVAL_PROGRAM_MS = 40
/** TR 101 290 2.4. */
export const MAX_PCR_ERROR_NS = 500
/** TR 101 290 2.5; ISO/IEC 13818-1, 2.7.4. */
export const MAX_PTS_INTERVAL_MS = 700
/** TR 101 290 1.6 leaves the period to the user; 5 s is usual. */
export const MAX_PID_INTERVAL_MS = 5_000
/** ISO/IEC 13818-1, 2.4.2.3: data stay in the decoder's buffers for at most one second (other than still pictures and AVC). */
export const MAX_MUX_DELAY_MS = 1_000
/** Smallest step between two DTS of one track in Sluice's program. */
export const MIN_DTS_STEP_MS = 1
export const GAP_FACTOR = 1.5
/** Share of an audio frame that a hole or an overlap may have. */
export const AUDIO_TOLERANCE_FRAMES = 0.5

interface Rule {
  /** Name in ETSI TR 101 290; absent: a rule of Sluice, or of ISO/IEC 13818-1. */
  readonly standard?: string
  readonly severity: Severity
  /** Under the rules of the program; absent: the same. */
  readonly program?: Severity
  readonly text: string
}

const rules = {
  ts_sync_loss: {
    standard: '1.1 TS_sync_loss',
    severity: 'error',
    text: 'synchronisation was lost',
  },
  sync_byte: {
    standard: '1.2 Sync_byte_error',
    severity: 'error',
    text: 'a packet did not begin with 0x47',
  },
  pat_missing: { standard: '1.3 PAT_error', severity: 'error', text: 'there is no PAT' },
  pat_interval: {
    standard: '1.3 PAT_error',
    severity: 'error',
    text: `more than ${MAX_TABLE_INTERVAL_MS} ms without a PAT`,
  },
  pat_content: {
    standard: '1.3 PAT_error',
    severity: 'error',
    text: 'PID 0 carried something other than a clear PAT',
  },
  continuity: {
    standard: '1.4 Continuity_count_error',
    severity: 'error',
    text: 'the continuity counter is not contiguous',
  },
  pmt_missing: {
    standard: '1.5 PMT_error',
    severity: 'error',
    text: 'a program of the PAT has no PMT',
  },
  pmt_interval: {
    standard: '1.5 PMT_error',
    severity: 'error',
    text: `more than ${MAX_TABLE_INTERVAL_MS} ms without a PMT`,
  },
  pmt_content: {
    standard: '1.5 PMT_error',
    severity: 'error',
    text: 'a PMT is scrambled or malformed',
  },
  pid_missing: {
    standard: '1.6 PID_error',
    severity: 'error',
    text: `a PID of the PMT did not occur for ${MAX_PID_INTERVAL_MS / 1000} s`,
  },
  transport_error: {
    standard: '2.1 Transport_error',
    severity: 'error',
    text: 'a packet is marked as damaged (transport_error_indicator)',
  },
  crc: { standard: '2.2 CRC_error', severity: 'error', text: 'the CRC of a table is wrong' },
  pcr_missing: {
    standard: '2.3 PCR_error',
    severity: 'error',
    text: 'a program has no PCR',
  },
  pcr_repetition: {
    standard: '2.3a PCR_repetition_error',
    severity: 'error',
    text: `more than ${MAX_PCR_INTERVAL_MS} ms between two PCR`,
  },
  pcr_discontinuity: {
    standard: '2.3b PCR_discontinuity_indicator_error',
    severity: 'error',
    text: 'the PCR jumped ahead without a discontinuity indicator',
  },
  pcr_backwards: {
    standard: '2.3b PCR_discontinuity_indicator_error',
    severity: 'error',
    text: 'the PCR did not advance, without a discontinuity indicator',
  },
  pcr_accuracy: {
    standard: '2.4 PCR_accuracy_error',
    severity: 'error',
    text: `a PCR is more than ${MAX_PCR_ERROR_NS} ns from where its position puts it`,
  },
  pts_repetition: {
    standard: '2.5 PTS_error',
    severity: 'error',
    text: `more than ${MAX_PTS_INTERVAL_MS} ms without a PTS`,
  },
  cat_missing: {
    standard: '2.6 CAT_error',
    severity: 'error',
    text: 'there are scrambled packets and no CAT',
  },
  cat_content: {
    standard: '2.6 CAT_error',
    severity: 'error',
    text: 'PID 1 carried something other than a CAT',
  },
  pat_interval_program: {
    severity: 'warning',
    program: 'error',
    text: `more than ${MAX_TABLE_INTERVAL_PROGRAM_MS} ms without a PAT`,
  },
  pmt_interval_program: {
    severity: 'warning',
    program: 'error',
    text: `more than ${MAX_TABLE_INTERVAL_PROGRAM_MS} ms without a PMT`,
  },
  sdt_missing: { severity: 'warning', program: 'error', text: 'there is no SDT' },
  sdt_interval: {
    standard: '3.5 SDT_error',
    severity: 'warning',
    text: `more than ${MAX_SDT_INTERVAL_MS / 1000} s without an SDT`,
  },
  table_version_only: {
    severity: 'warning',
    program: 'error',
    text: 'the version of a table changed, its content did not',
  },
  table_content_only: {
    severity: 'error',
    text: 'the content of a table changed, its version did not',
  },
  pids_changed: {
    severity: 'warning',
    program: 'error',
    text: 'the PIDs or stream types of a program changed',
  },
  pcr_interval_program: {
    severity: 'warning',
    program: 'error',
    text: `more than ${MAX_PCR_INTERVAL_PROGRAM_MS} ms between two PCR`,
  },
  dts_order: { severity: 'error', text: 'the DTS did not increase' },
  dts_step: {
    severity: 'warning',
    program: 'error',
    text: `two DTS less than ${MIN_DTS_STEP_MS} ms apart`,
  },
  pts_before_dts: { severity: 'error', text: 'the PTS lies before the DTS' },
  pts_order: {
    severity: 'error',
    text: 'a PTS is repeated, or comes after later pictures were due',
  },
  presentation_gap: {
    severity: 'error',
    text: `a step in presentation time above ${GAP_FACTOR} frame durations`,
  },
  audio_hole: { severity: 'error', text: 'a hole of more than half a frame in the audio' },
  audio_overlap: { severity: 'error', text: 'audio frames overlap by more than half a frame' },
  dts_before_pcr: { severity: 'error', text: 'a DTS lies before the PCR: the data came too late' },
  dts_before_arrival: {
    severity: 'warning',
    text: 'a DTS lies before the time of its first byte, interpolated between the PCR around it',
  },
  mux_delay: {
    severity: 'warning',
    program: 'error',
    text: 'data came further ahead of their DTS than the mux delay',
  },
  pes_incomplete: {
    severity: 'warning',
    program: 'error',
    text: 'a PES packet is shorter than its PES_packet_length',
  },
  pes_header: {
    severity: 'warning',
    program: 'error',
    text: 'what should begin a PES packet is not one',
  },
  random_access_missing: {
    severity: 'warning',
    program: 'error',
    text: 'the video has no random access point',
  },
  random_access_without_tables: {
    severity: 'warning',
    program: 'error',
    text: 'no PAT and PMT between the picture before and a random access point',
  },
  random_access_without_parameter_sets: {
    severity: 'warning',
    program: 'error',
    text: 'a random access point without parameter sets in front of it',
  },
} satisfies Record<string, Rule>

export type ViolationCode = keyof typeof rules

export const RULES: Readonly<Record<ViolationCode, Rule>> = rules

export const severityFor = (set: RuleSet, code: ViolationCode): Severity =>
  (set === 'program' ? RULES[code].program : undefined) ?? RULES[code].severity
