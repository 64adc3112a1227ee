/** Reads a media playlist by its lines alone, independent of the renderer. */

export type Attributes = ReadonlyMap<string, string>

export interface ReadPart {
  readonly uri: string
  readonly duration: number
  readonly independent: boolean
}

export interface ReadSegment {
  readonly number: number
  readonly uri: string
  readonly duration: number
  readonly discontinuitySequence: number
  readonly discontinuity: boolean
  readonly gap: boolean
  readonly map: string | undefined
  /** Milliseconds since 1970. */
  readonly programDateTime: number | undefined
  readonly parts: readonly ReadPart[]
}

export interface ReadMedia {
  readonly version: number
  readonly targetDuration: number
  readonly mediaSequence: number
  readonly discontinuitySequence: number
  readonly independent: boolean
  readonly ended: boolean
  readonly skipped: number
  readonly serverControl: Attributes | undefined
  readonly partTarget: number | undefined
  readonly segments: readonly ReadSegment[]
  /** Of the segment that is still open. */
  readonly openParts: readonly ReadPart[]
  readonly hints: readonly Attributes[]
  readonly reports: readonly Attributes[]
  /** Names of all tags, repeated ones too. */
  readonly tags: readonly string[]
  /** Lines that cannot be read. */
  readonly faults: readonly string[]
}

const ATTRIBUTE = /([A-Z0-9-]+)=("[^"]*"|[^",]*)(?:,|$)/g

export const attributesOf = (text: string): Attributes => {
  const attributes = new Map<string, string>()
  for (const [, name, value] of text.matchAll(ATTRIBUTE)) {
    attributes.set(name!, value!.replaceAll('"', ''))
  }
  return attributes
}

interface Coming {
  duration: number | undefined
  discontinuity: boolean
  gap: boolean
  programDateTime: number | undefined
  parts: ReadPart[]
}

const nothing = (): Coming => ({
  duration: undefined,
  discontinuity: false,
  gap: false,
  programDateTime: undefined,
  parts: [],
})

const partOf = (attributes: Attributes): ReadPart => ({
  uri: attributes.get('URI') ?? '',
  duration: Number(attributes.get('DURATION')),
  independent: attributes.get('INDEPENDENT') === 'YES',
})

export const readMedia = (text: string): ReadMedia => {
  const head = new Map<string, string>()
  const segments: ReadSegment[] = []
  const hints: Attributes[] = []
  const reports: Attributes[] = []
  const tags: string[] = []
  const faults: string[] = []
  let coming = nothing()
  let map: string | undefined
  const lines = text.split('\n')
  if (lines[0] !== '#EXTM3U') faults.push('the first line must be #EXTM3U')
  if (/[\r\uFEFF]/.test(text)) faults.push('it holds carriage returns or a byte order mark')
  for (const line of lines) {
    if (line === '') continue
    const [, tag = '', value = ''] = /^#(EXT[A-Z0-9-]*)(?::(.*))?$/.exec(line) ?? []
    if (line.startsWith('#') && tag === '') {
      if (line.startsWith('#EXT')) faults.push(`${line} cannot be read`)
      continue
    }
    if (tag !== '') tags.push(tag)
    switch (tag) {
      case '': {
        if (coming.duration === undefined) faults.push(`${line} has no EXTINF`)
        const first = Number(head.get('EXT-X-MEDIA-SEQUENCE') ?? 0)
        const skipped = Number(
          attributesOf(head.get('EXT-X-SKIP') ?? '').get('SKIPPED-SEGMENTS') ?? 0,
        )
        segments.push({
          number: first + skipped + segments.length,
          uri: line,
          duration: coming.duration ?? 0,
          discontinuitySequence:
            Number(head.get('EXT-X-DISCONTINUITY-SEQUENCE') ?? 0) + seriesBefore(tags),
          discontinuity: coming.discontinuity,
          gap: coming.gap,
          map,
          programDateTime: coming.programDateTime,
          parts: coming.parts,
        })
        coming = nothing()
        break
      }
      case 'EXTINF':
        coming.duration = Number.parseFloat(value)
        break
      case 'EXT-X-DISCONTINUITY':
        coming.discontinuity = true
        break
      case 'EXT-X-GAP':
        coming.gap = true
        break
      case 'EXT-X-PROGRAM-DATE-TIME':
        coming.programDateTime = Date.parse(value)
        if (Number.isNaN(coming.programDateTime)) faults.push(`${line} is no date`)
        break
      case 'EXT-X-MAP':
        map = attributesOf(value).get('URI')
        break
      case 'EXT-X-PART':
        coming.parts.push(partOf(attributesOf(value)))
        break
      case 'EXT-X-PRELOAD-HINT':
        hints.push(attributesOf(value))
        break
      case 'EXT-X-RENDITION-REPORT':
        reports.push(attributesOf(value))
        break
      default:
        if (head.has(tag)) faults.push(`#${tag} stands there twice`)
        head.set(tag, value)
    }
  }
  const control = head.get('EXT-X-SERVER-CONTROL')
  const partInfo = head.get('EXT-X-PART-INF')
  return {
    version: Number(head.get('EXT-X-VERSION') ?? 1),
    targetDuration: Number(head.get('EXT-X-TARGETDURATION') ?? Number.NaN),
    mediaSequence: Number(head.get('EXT-X-MEDIA-SEQUENCE') ?? 0),
    discontinuitySequence: Number(head.get('EXT-X-DISCONTINUITY-SEQUENCE') ?? 0),
    independent: head.has('EXT-X-INDEPENDENT-SEGMENTS'),
    ended: head.has('EXT-X-ENDLIST'),
    skipped: Number(attributesOf(head.get('EXT-X-SKIP') ?? '').get('SKIPPED-SEGMENTS') ?? 0),
    serverControl: control === undefined ? undefined : attributesOf(control),
    partTarget:
      partInfo === undefined ? undefined : Number(attributesOf(partInfo).get('PART-TARGET')),
    segments,
    openParts: coming.parts,
    hints,
    reports,
    tags,
    faults,
  }
}

const seriesBefore = (tags: readonly string[]): number =>
  tags.filter((tag) => tag === 'EXT-X-DISCONTINUITY').length

export interface ReadVariant {
  readonly uri: string
  readonly attributes: Attributes
}

export interface ReadMaster {
  readonly version: number
  readonly independent: boolean
  readonly variants: readonly ReadVariant[]
  readonly media: readonly Attributes[]
}

export const readMaster = (text: string): ReadMaster => {
  const variants: ReadVariant[] = []
  const media: Attributes[] = []
  let stream: Attributes | undefined
  for (const line of text.split('\n')) {
    if (line.startsWith('#EXT-X-STREAM-INF:')) stream = attributesOf(line.slice(18))
    else if (line.startsWith('#EXT-X-MEDIA:')) media.push(attributesOf(line.slice(13)))
    else if (line !== '' && !line.startsWith('#')) {
      variants.push({ uri: line, attributes: stream ?? new Map() })
      stream = undefined
    }
  }
  return {
    version: Number(/^#EXT-X-VERSION:(\d+)/m.exec(text)?.[1] ?? 1),
    independent: text.includes('\n#EXT-X-INDEPENDENT-SEGMENTS'),
    variants,
    media,
  }
}
