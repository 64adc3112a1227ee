import { writeFile } from 'node:fs/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { decoderErrors, FfmpegFixtures } from '../../test/helpers/ffmpeg-fixtures.ts'
import type { VideoCodec } from '../contract/format.ts'
import { createVideoInspector } from './video-inspector.ts'
import type { VideoInspection } from './video-inspection.ts'

const fixtures = new FfmpegFixtures()
afterAll(() => fixtures.remove())

const source = (size: string, rate: string): string[] => [
  ...['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=${rate}`, '-t', '2'],
]
const x264 = (params: string): string[] => [
  '-c:v',
  'libx264',
  '-preset',
  'veryfast',
  '-x264-params',
  params,
]
const x265 = (params: string): string[] => [
  ...['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', `log-level=none:${params}`],
]

interface Case {
  readonly name: string
  readonly codec: VideoCodec
  readonly extension: 'h264' | 'hevc' | 'm2v'
  readonly args: readonly string[]
  readonly profile: string
  readonly scan?: 'interlaced'
  readonly rap?: 'recovery_point'
}

const B_PYRAMID = 'bframes=3:b-pyramid=normal:keyint=20:min-keyint=20:scenecut=0'
const cases: readonly Case[] = [
  {
    name: 'H.264 baseline',
    codec: 'h264',
    extension: 'h264',
    args: [...source('320x180', '25'), ...x264('keyint=10'), '-profile:v', 'baseline'],
    profile: 'baseline',
  },
  {
    name: 'H.264 main at 29.97, delimiters, several slices',
    codec: 'h264',
    extension: 'h264',
    args: [
      ...source('322x182', '30000/1001'),
      ...x264(`aud=1:slices=3:${B_PYRAMID}`),
      ...['-profile:v', 'main'],
    ],
    profile: 'main',
  },
  {
    name: 'H.264 high with a B pyramid, HRD and picture timing',
    codec: 'h264',
    extension: 'h264',
    args: [
      ...source('640x360', '50'),
      ...x264(`aud=1:nal-hrd=cbr:${B_PYRAMID}`),
      ...['-b:v', '500k', '-maxrate', '500k', '-bufsize', '500k'],
    ],
    profile: 'high',
  },
  {
    name: 'H.264 high 4:2:2 10 bit',
    codec: 'h264',
    extension: 'h264',
    args: [...source('320x180', '25'), ...x264(B_PYRAMID), '-pix_fmt', 'yuv422p10le'],
    profile: 'high422',
  },
  {
    name: 'H.264 high 4:4:4 lossless',
    codec: 'h264',
    extension: 'h264',
    args: [...source('320x180', '25'), ...x264('keyint=20:qp=0'), '-pix_fmt', 'yuv444p'],
    profile: 'high444',
  },
  {
    name: 'H.264 with MBAFF',
    codec: 'h264',
    extension: 'h264',
    args: [...source('352x288', '25'), ...x264('tff=1:keyint=20'), '-flags', '+ildct+ilme'],
    profile: 'high',
    scan: 'interlaced',
  },
  {
    name: 'H.264 intra refresh',
    codec: 'h264',
    extension: 'h264',
    args: [...source('320x180', '25'), ...x264('intra-refresh=1:keyint=20:aud=1')],
    profile: 'high',
    rap: 'recovery_point',
  },
  {
    name: 'H.264 open GOP',
    codec: 'h264',
    extension: 'h264',
    args: [...source('320x180', '25'), ...x264(`open-gop=1:${B_PYRAMID}`)],
    profile: 'high',
    rap: 'recovery_point',
  },
  {
    name: 'HEVC main',
    codec: 'hevc',
    extension: 'hevc',
    args: [
      ...source('322x182', '25'),
      ...x265('keyint=10:min-keyint=10:open-gop=0:repeat-headers=1'),
    ],
    profile: 'main',
  },
  {
    name: 'HEVC main 10 at 59.94 with scaling lists and HRD',
    codec: 'hevc',
    extension: 'hevc',
    args: [
      ...source('320x180', '60000/1001'),
      ...x265(
        'keyint=20:open-gop=0:repeat-headers=1:aud=1:scaling-list=default:hrd=1:vbv-maxrate=900:vbv-bufsize=900',
      ),
      ...['-pix_fmt', 'yuv420p10le'],
    ],
    profile: 'main10',
  },
  {
    name: 'HEVC 4:2:2 10 bit',
    codec: 'hevc',
    extension: 'hevc',
    args: [
      ...source('320x180', '25'),
      ...x265('keyint=20:repeat-headers=1:open-gop=0'),
      '-pix_fmt',
      'yuv422p10le',
    ],
    profile: 'rext',
  },
  {
    name: 'HEVC open GOP',
    codec: 'hevc',
    extension: 'hevc',
    args: [
      ...source('320x180', '25'),
      ...x265('keyint=10:min-keyint=10:open-gop=1:repeat-headers=1:bframes=3:scenecut=0'),
    ],
    profile: 'main',
  },
  {
    name: 'MPEG-2 main, closed GOP',
    codec: 'mpeg2video',
    extension: 'm2v',
    args: [
      ...source('352x288', '25'),
      ...[
        '-c:v',
        'mpeg2video',
        '-g',
        '12',
        '-bf',
        '2',
        '-flags',
        '+cgop',
        '-sc_threshold',
        '1000000000',
      ],
    ],
    profile: 'main',
  },
  {
    name: 'MPEG-2 main, interlaced, 29.97',
    codec: 'mpeg2video',
    extension: 'm2v',
    args: [
      ...source('352x240', '30000/1001'),
      ...['-c:v', 'mpeg2video', '-g', '12', '-bf', '2', '-flags', '+ildct+ilme'],
    ],
    profile: 'main',
    scan: 'interlaced',
  },
  {
    name: 'MPEG-2 4:2:2',
    codec: 'mpeg2video',
    extension: 'm2v',
    args: [...source('352x288', '25'), '-c:v', 'mpeg2video', '-pix_fmt', 'yuv422p', '-g', '12'],
    profile: '422',
  },
]

function unitsOf(codec: VideoCodec, bytes: Uint8Array): readonly Uint8Array[] {
  const starts = createVideoInspector(codec).splitAccessUnits(bytes)
  return starts.map((start, i) => bytes.subarray(start, starts[i + 1] ?? bytes.length))
}

function inspectAll(codec: VideoCodec, bytes: Uint8Array): readonly VideoInspection[] {
  const inspector = createVideoInspector(codec)
  return unitsOf(codec, bytes).map((unit) => ({ ...inspector.inspect(unit) }))
}

const pixelFormat = (inspection: VideoInspection): string => {
  const format = inspection.format!
  return `yuv${format.chroma.replaceAll(':', '')}p${format.depth === 8 ? '' : `${format.depth}le`}`
}

describe('a video inspector agrees with ffprobe', () => {
  it.each(cases)('about the format of $name', async ({ codec, extension, args, profile, scan }) => {
    const fixture = await fixtures.encode(args, extension)
    const probed = (await fixtures.probe(fixture.path)).streams[0]
    const first = inspectAll(codec, fixture.bytes)[0]!
    const rate = first.format!.frameRate!
    expect({
      ...first.format,
      rate: `${rate.num}/${rate.den}`,
      pixels: pixelFormat(first),
    }).toMatchObject({
      codec: probed.codec_name,
      profile,
      width: probed.width,
      height: probed.height,
      pixels: probed.pix_fmt,
      rate: probed.r_frame_rate,
      scan: scan ?? 'progressive',
    })
    if (codec !== 'mpeg2video') expect(first.format!.level).toBe(probed.level)
    expect(first.reorderFrames).toBe(probed.has_b_frames)
  })

  it.each(cases)('about the access units of $name', async ({ codec, extension, args }) => {
    const fixture = await fixtures.encode(args, extension)
    const { packets } = await fixtures.probe(fixture.path)
    let end = 0
    const ends = packets.map((packet) => (end += Number(packet.size)))
    const starts = createVideoInspector(codec).splitAccessUnits(fixture.bytes)
    expect(starts[0]).toBe(0)
    expect(starts.length).toBe(ends.length)
    // FFmpeg leaves the zero_byte of an HEVC start code with the unit before it.
    const shift = codec === 'hevc' ? 1 : 0
    expect(starts.slice(1)).toEqual(ends.slice(0, -1).map((at) => at - shift))
  })

  it.each(cases)(
    'about the random access points of $name',
    async ({ codec, extension, args, rap }) => {
      const fixture = await fixtures.encode(args, extension)
      const { packets } = await fixtures.probe(fixture.path)
      const found = inspectAll(codec, fixture.bytes)
      const keys = packets.map((packet) => packet.flags.startsWith('K'))
      expect(found.map((inspection) => inspection.rap !== 'none')).toEqual(keys)
      expect(keys.filter(Boolean).length).toBeGreaterThan(1)
      expect(found.some((inspection) => inspection.rap === 'recovery_point')).toBe(
        rap === 'recovery_point',
      )
    },
  )

  it.each(cases)('and keeps the format object of $name', async ({ codec, extension, args }) => {
    const fixture = await fixtures.encode(args, extension)
    expect(new Set(inspectAll(codec, fixture.bytes).map((found) => found.format)).size).toBe(1)
  })

  it.each(cases)(
    'and finds the start of each unit of $name',
    async ({ codec, extension, args }) => {
      const fixture = await fixtures.encode(args, extension)
      const inspector = createVideoInspector(codec)
      for (const unit of unitsOf(codec, fixture.bytes)) {
        expect(inspector.startsAccessUnit(unit)).toBe(true)
        expect(inspector.startsAccessUnit(unit.subarray(unit.length >> 1))).toBe(false)
        expect(inspector.splitAccessUnits(unit)).toEqual([0])
      }
    },
  )
})

describe('leading pictures', () => {
  const openGop = cases.find((one) => one.name === 'HEVC open GOP')!
  const closedGop = cases.find((one) => one.name === 'MPEG-2 main, closed GOP')!
  const open2 = cases.find((one) => one.name === 'MPEG-2 main, interlaced, 29.97')!

  it('of an HEVC CRA are RASL, and without them its random access point decodes cleanly', async () => {
    const fixture = await fixtures.encode(openGop.args, 'hevc')
    const found = inspectAll('hevc', fixture.bytes)
    const cra = found.findIndex((inspection) => inspection.rap === 'cra')
    expect(cra).toBeGreaterThan(0)
    expect(found[cra + 1]!.leading).toBe(true)
    await expectCleanEntry(found, cra, fixture.path)
  })

  it('of an MPEG-2 open GOP are marked, and without them its random access point decodes cleanly', async () => {
    const fixture = await fixtures.encode(open2.args, 'm2v')
    const found = inspectAll('mpeg2video', fixture.bytes)
    const second = found.findIndex((inspection, i) => i > 0 && inspection.rap === 'i_picture')
    expect(found.slice(second, second + 4).map((inspection) => inspection.leading)).toEqual([
      false,
      true,
      true,
      false,
    ])
    await expectCleanEntry(found, second, fixture.path)
  })

  it('of an MPEG-2 closed GOP are not marked', async () => {
    const fixture = await fixtures.encode(closedGop.args, 'm2v')
    const found = inspectAll('mpeg2video', fixture.bytes)
    expect(found.filter((inspection) => inspection.leading)).toEqual([])
    expect(found.filter((inspection) => inspection.rap !== 'none').length).toBeGreaterThan(2)
  })

  async function expectCleanEntry(
    found: readonly VideoInspection[],
    rap: number,
    path: string,
  ): Promise<void> {
    let next = found.findIndex((one, i) => i > rap && one.rap !== 'none')
    if (next < 0) next = found.length
    const kept = found.filter((one, i) => i >= rap && !(i < next && one.leading))
    const entered = path.replace(/\./, '.entered.')
    await writeFile(entered, Buffer.concat(kept.map((one) => one.data)))
    expect(await decoderErrors(entered)).toBe('')
  }
})

describe('parameter sets that are not repeated', () => {
  it.each([
    {
      codec: 'h264',
      extension: 'h264',
      params: x264('repeat-headers=0:aud=1:keyint=10:min-keyint=10'),
    },
    {
      codec: 'hevc',
      extension: 'hevc',
      params: x265('repeat-headers=0:aud=1:keyint=10:min-keyint=10:open-gop=0'),
    },
  ] as const)('are inserted in front of each later random access point of $codec', async (one) => {
    // Through a container that keeps the parameter sets apart, so that they come once, in front of the stream.
    const stored = await fixtures.encode(
      [...source('320x180', '25'), ...one.params, '-flags', '+global_header'],
      'mkv',
    )
    const args = ['-i', stored.path, '-c', 'copy', '-bsf:v', 'null']
    const raw = await fixtures.encode(args, one.extension)
    const inspector = createVideoInspector(one.codec)
    const stripped = unitsOf(one.codec, raw.bytes).map((unit, i) =>
      i === 0 ? unit : withoutParameterSets(one.codec, unit),
    )
    const found = stripped.map((unit) => ({ ...inspector.inspect(unit) }))
    const raps = found.flatMap((inspection, i) => (inspection.rap === 'idr' ? [i] : []))
    expect(raps).toEqual([0, 10, 20, 30, 40])
    expect(found[0]!.data).toBe(stripped[0])
    expect(found[1]!.data).toBe(stripped[1])
    const later = found.slice(10).map((inspection) => inspection.data)
    const path = raw.path.replace(/\./, '.later.')
    await writeFile(path, Buffer.concat(later))
    expect(await decoderErrors(path)).toBe('')
    expect((await fixtures.probe(path)).packets.length).toBe(40)
    const newInspector = createVideoInspector(one.codec)
    expect(newInspector.inspect(stripped[10]!).rap).toBe('none')
    expect(newInspector.inspect(found[10]!.data)).toMatchObject({
      rap: 'idr',
      data: found[10]!.data,
    })
  })
})

function withoutParameterSets(codec: VideoCodec, unit: Uint8Array): Uint8Array {
  const kept: Buffer[] = []
  const text = Buffer.from(unit)
  let at = text.indexOf('000001', 0, 'hex')
  while (at >= 0) {
    const next = text.indexOf('000001', at + 3, 'hex')
    const header = text[at + 3]!
    const type = codec === 'h264' ? header & 0x1f : (header >> 1) & 0x3f
    const drop = codec === 'h264' ? type === 7 || type === 8 : type >= 32 && type <= 34
    if (!drop) kept.push(Buffer.from([0]), text.subarray(at, next < 0 ? text.length : next))
    at = next
  }
  return new Uint8Array(Buffer.concat(kept))
}
