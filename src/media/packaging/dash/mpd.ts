import { TICKS_PER_SECOND } from '../../../contract/time.ts'
import { element, escapeXml, type Attributes } from './xml.ts'
import { inTimescale, segmentTimeline } from './segment-timeline.ts'
import type {
  MpdAdaptationSet,
  MpdAudio,
  MpdInput,
  MpdPeriod,
  MpdRepresentation,
  MpdVideo,
} from './mpd-model.ts'

/** Clauses are of ISO/IEC 23009-1. */
const NAMESPACE = 'urn:mpeg:dash:schema:mpd:2011'
const LIVE_PROFILE = 'urn:mpeg:dash:profile:isoff-live:2011'
const TIME_BY_HTTP = 'urn:mpeg:dash:utc:http-iso:2014'
const TIME_DIRECT = 'urn:mpeg:dash:utc:direct:2014'
const ROLE = 'urn:mpeg:dash:role:2011'
const CHANNEL_CONFIGURATION = 'urn:mpeg:mpegB:cicp:ChannelConfiguration'
/** ISO/IEC 23091-3 table: 6.1 and 7.1 by their number of channels; up to 5.1 the number is the configuration. */
const CONFIGURATIONS: Readonly<Record<number, number>> = { 7: 11, 8: 12 }
const SAP_TYPE = 1

/** A live media presentation description. Throws where a representation's numbers have a hole. */
export function renderMpd(input: MpdInput): string {
  const periods = input.periods.map((period) => renderPeriod(period))
  const { title, ended } = input
  const mpd = element(
    'MPD',
    {
      xmlns: NAMESPACE,
      profiles: LIVE_PROFILE,
      type: 'dynamic',
      availabilityStartTime: wallTime(input.availabilityStartMs),
      publishTime: wallTime(input.publishMs),
      minimumUpdatePeriod: ended === undefined ? duration(input.minimumUpdatePeriod) : undefined,
      mediaPresentationDuration: ended === undefined ? undefined : duration(ended),
      timeShiftBufferDepth: duration(input.timeShiftBufferDepth),
      suggestedPresentationDelay: duration(input.suggestedPresentationDelay),
      minBufferTime: duration(input.minBufferTime),
      maxSegmentDuration: duration(maxSegmentSeconds(input.periods)),
    },
    ...(title === undefined ? [] : [programInformation(title)]),
    ...periods,
    element('UTCTiming', { schemeIdUri: TIME_BY_HTTP, value: input.timeUrl }),
    element('UTCTiming', { schemeIdUri: TIME_DIRECT, value: wallTime(input.nowMs) }),
  )
  return `<?xml version="1.0" encoding="UTF-8"?>\n${mpd}`
}

const wallTime = (ms: number): string => new Date(ms).toISOString()

/** xs:duration; microseconds are finer than any frame. */
const duration = (seconds: number): string => `PT${Number(seconds.toFixed(6))}S`

const programInformation = (title: string): string =>
  element('ProgramInformation', {}, `<Title>${escapeXml(title)}</Title>\n`)

const maxSegmentSeconds = (periods: readonly MpdPeriod[]): number => {
  let longest = 0
  for (const { sets } of periods) {
    for (const { representations } of sets) {
      for (const { segments } of representations) {
        for (const segment of segments) longest = Math.max(longest, segment.duration)
      }
    }
  }
  return longest / TICKS_PER_SECOND
}

const renderPeriod = (period: MpdPeriod): string =>
  element(
    'Period',
    { id: period.id, start: duration(period.start / TICKS_PER_SECOND) },
    ...period.sets.map((set) => renderSet(set, period)),
  )

const renderSet = (set: MpdAdaptationSet, period: MpdPeriod): string => {
  const templates = set.representations.map((one) => segmentTemplate(one, period))
  // Rungs have one grid: where they differ only in $RepresentationID$, the list is written once.
  const shared = new Set(templates).size === 1
  return element(
    'AdaptationSet',
    {
      id: set.id,
      contentType: set.kind,
      mimeType: `${set.kind}/mp4`,
      lang: set.language,
      segmentAlignment: 'true',
      startWithSAP: SAP_TYPE,
      ...(set.kind === 'video' ? maxVideoSize(set.representations) : {}),
    },
    element('Role', { schemeIdUri: ROLE, value: set.role }),
    ...(shared ? [templates[0]!] : []),
    ...set.representations.map((one, i) => renderRepresentation(one, shared ? '' : templates[i]!)),
  )
}

const maxVideoSize = (representations: readonly MpdRepresentation[]): Attributes => {
  const videos = representations.filter((one): one is MpdVideo => one.kind === 'video')
  return {
    maxWidth: Math.max(...videos.map(({ width }) => width)),
    maxHeight: Math.max(...videos.map(({ height }) => height)),
  }
}

/** 5.3.9.4. presentationTimeOffset: the media time at the start of the period. */
const segmentTemplate = (representation: MpdRepresentation, { mediaStart }: MpdPeriod): string => {
  const { timescale, segments, initialization, media } = representation
  const attributes = {
    timescale,
    presentationTimeOffset: inTimescale(mediaStart, timescale),
    startNumber: segments[0]?.number ?? 1,
    initialization,
    media,
  }
  return element('SegmentTemplate', attributes, segmentTimeline(representation))
}

const renderRepresentation = (one: MpdRepresentation, template: string): string => {
  const { id, codecs } = one
  const common = { id, codecs, bandwidth: Math.ceil(one.bandwidth) }
  return one.kind === 'video'
    ? element('Representation', { ...common, ...videoAttributes(one) }, template)
    : element(
        'Representation',
        { ...common, audioSamplingRate: one.sampleRate },
        channelConfiguration(one),
        template,
      )
}

const videoAttributes = ({ width, height, frameRate, pixelAspect }: MpdVideo): Attributes => ({
  width,
  height,
  frameRate:
    frameRate && (frameRate.den === 1 ? `${frameRate.num}` : `${frameRate.num}/${frameRate.den}`),
  sar: pixelAspect && `${pixelAspect.num}:${pixelAspect.den}`,
})

const channelConfiguration = ({ channels }: MpdAudio): string =>
  element('AudioChannelConfiguration', {
    schemeIdUri: CHANNEL_CONFIGURATION,
    value: CONFIGURATIONS[channels] ?? channels,
  })
