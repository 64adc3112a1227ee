export type RecordingFormat = 'ts' | 'mp4'

export interface RecordingName {
  readonly name: string
  /** Milliseconds since 1970. */
  readonly startedAt: number
  /** Counts up over all recordings of a folder. */
  readonly number: number
  /** The source's label, made safe; '' unless files are split by take. */
  readonly label: string
  readonly format: RecordingFormat
}

const NAME =
  /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2}\.\d{3})Z-(\d{6,12})(?:-([\w.-]+))?\.(ts|mp4)$/
const NUMBER_DIGITS = 6
const MAX_LABEL_CHARS = 40

/** `20261121T101500.123Z-000012-cam1.ts`: sorts by time, and is unique. */
export const recordingName = (parts: Omit<RecordingName, 'name'>): string => {
  const time = new Date(parts.startedAt).toISOString().replaceAll(/[-:]/g, '')
  const label = parts.label === '' ? '' : `-${safeLabel(parts.label)}`
  const number = String(parts.number).padStart(NUMBER_DIGITS, '0')
  return `${time}-${number}${label}.${parts.format}`
}

/** Undefined for names of other programs: such files are never touched. */
export const parseRecordingName = (name: string): RecordingName | undefined => {
  const match = NAME.exec(name)
  if (match === null) return undefined
  const [, year, month, day, hour, minute, second, number, label = '', format] = match
  const startedAt = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  if (Number.isNaN(startedAt)) return undefined
  return { name, startedAt, number: Number(number), label, format: format as RecordingFormat }
}

/** Letters, digits, "_", "." and "-": safe in file names, URLs and headers. */
export const safeLabel = (label: string): string => {
  const plain = label.normalize('NFKD').replaceAll(/\p{Mark}/gu, '')
  const safe = plain.replaceAll(/[^A-Za-z0-9_.]+/g, '-').replaceAll(/^[-.]+|[-.]+$/g, '')
  return safe.slice(0, MAX_LABEL_CHARS) || 'source'
}
