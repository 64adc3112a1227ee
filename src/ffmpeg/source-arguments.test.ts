import { describe, expect, test } from 'vitest'
import { DEFAULT_AUDIO, DEFAULT_VIDEO, parseRate } from './generated-source.ts'
import { parseInputOptions } from './input-options.ts'
import {
  COPY_RECIPE,
  mapArguments,
  sourceArguments,
  type SourceRequest,
} from './source-arguments.ts'
import { conformArguments } from './conform-arguments.ts'
import { slateArguments, slateFrames } from './slate-arguments.ts'

const request = (url: string, change: Partial<SourceRequest> = {}): SourceRequest => ({
  url,
  recipe: COPY_RECIPE,
  encoded: { video: DEFAULT_VIDEO, audio: DEFAULT_AUDIO },
  loop: true,
  video: 'auto',
  audio: 'auto',
  inputOptions: {},
  ...change,
})

/** The value behind an option, or undefined. */
const valueOf = (args: readonly string[], name: string): string | undefined => {
  const at = args.indexOf(name)
  return at < 0 ? undefined : args[at + 1]
}

describe('inputs', () => {
  test.each([
    ['udp://1.2.3.4:5', 'udp'],
    ['srt://1.2.3.4:5', 'srt'],
    ['https://h/a.m3u8', 'http,https,httpproxy,tcp,tls,crypto,data'],
    ['/a.ts', 'file,crypto,data'],
  ])('%s may only use %s', (url, protocols) => {
    expect(valueOf(sourceArguments(request(url)).args, '-protocol_whitelist')).toBe(protocols)
  })

  test('a network source never may read local files', () => {
    for (const url of [
      'http://h/a',
      'https://h/a.m3u8',
      'rtsp://h/a',
      'rtmp://h/a/b',
      'srt://h:1',
    ]) {
      const protocols = valueOf(sourceArguments(request(url)).args, '-protocol_whitelist')
      expect(protocols!.split(',')).not.toContain('file')
    }
  })

  test('a looped file is paced by its reader and never ends', () => {
    const command = sourceArguments(request('/a.ts'))
    expect(command).toMatchObject({ kind: 'file', pace: 'by_reader', ends: 'never' })
    expect(valueOf(command.args, '-stream_loop')).toBe('-1')
    expect(command.args).not.toContain('-re')
  })

  test('a file played once ends normally', () => {
    const command = sourceArguments(request('/a.ts', { loop: false }))
    expect(command.ends).toBe('normally')
    expect(command.args).not.toContain('-stream_loop')
  })

  test('the listener listens, and its key is a secret', () => {
    const command = sourceArguments(request('rtmp-listen://127.0.0.1:1935/app/key9'))
    expect(valueOf(command.args, '-listen')).toBe('1')
    expect(valueOf(command.args, '-i')).toBe('rtmp://127.0.0.1:1935/app/key9')
    expect(command.secrets).toContain('key9')
  })

  test("the user's options replace ours", () => {
    const command = sourceArguments(
      request('rtsp://h/a', { inputOptions: { rtsp_transport: 'udp' } }),
    )
    expect(command.args.filter((arg) => arg === '-rtsp_transport')).toHaveLength(1)
    expect(valueOf(command.args, '-rtsp_transport')).toBe('udp')
  })

  test('secret options are secrets', () => {
    const inputOptions = { headers: 'Authorization: Bearer abc\r\nX-A: b1c2' }
    expect(sourceArguments(request('http://h/a', { inputOptions })).secrets).toEqual(
      expect.arrayContaining(['Bearer abc', 'b1c2']),
    )
  })
})

describe('refused input options', () => {
  test.each([
    ['protocol_whitelist', 'file'],
    ['i', '/etc/passwd'],
    ['filter_complex', 'movie=x'],
    ['f', 'concat'],
    ['f', 'lavfi'],
    ['fflags', '+bitexact'],
    ['probesize', '1M; rm'],
    ['listen', 1],
  ])('-%s %s', (name, value) => {
    expect(() => parseInputOptions({ [name]: value })).toThrow(
      expect.objectContaining({
        code: 'option_refused',
        message: expect.stringContaining(JSON.stringify(name)),
      }),
    )
  })

  test('the error lists the allowed options', () => {
    expect(() => parseInputOptions({ nonsense: 1 })).toThrow(
      /allowed are .*analyzeduration.*rw_timeout/,
    )
  })
})

describe('tracks', () => {
  test.each([
    ['file', { video: 'auto', audio: 'auto' }, '0:V:0? 0:a?'],
    ['file', { video: 'none', audio: 'eng' }, '0:a:m:language:eng?'],
    ['file', { video: 1, audio: 'none', program: 7 }, '0:p:7:V:1?'],
    ['hls', { video: 'auto', audio: 'auto' }, '0:p:0:V:0? 0:p:0:a?'],
  ] as const)('%s with %j maps %s', (kind, choice, maps) => {
    const args = mapArguments(kind, choice)
    expect(args.filter((_, at) => args[at - 1] === '-map').join(' ')).toBe(maps)
  })
})

describe('generated sources', () => {
  test('the query sets size, rate, tone, GOP and B-frames', () => {
    const url = 'test:?size=640x360&rate=29.97&tone=880&gop=50&bframes=2'
    const { args, pace } = sourceArguments(request(url))
    expect(pace).toBe('live')
    expect(args).toContain('testsrc2=size=640x360:rate=30000/1001')
    expect(args.some((arg) => arg.startsWith('sine=frequency=880'))).toBe(true)
    expect(valueOf(args, '-g')).toBe('50')
    expect(valueOf(args, '-bf')).toBe('2')
    expect(args.filter((arg) => arg === '-re')).toHaveLength(2)
  })

  test.each([
    ['test:?size=big', /size="big".*WIDTHxHEIGHT/],
    ['test:?colour=red', /"colour".*unknown; use size/],
    ['test:?vcodec=none&acodec=none', /empty/],
    ['lavfi:movie=/etc/passwd', /"movie" is not allowed/],
    ["lavfi:color,mo\\vi'e'=x", /"movie" is not allowed/],
    ['lavfi:drawtext=textfile=/etc/passwd', /"textfile" is not allowed/],
  ])('%s is refused', (url, message) => {
    expect(() => sourceArguments(request(url))).toThrow(message)
  })

  test.each([
    ['25', 25, 1],
    ['29.97', 30_000, 1_001],
    ['23.976', 24_000, 1_001],
    ['12.5', 12_500, 1_000],
    ['30000/1001', 30_000, 1_001],
  ])('rate %s is %i/%i', (text, num, den) => {
    expect(parseRate(text)).toEqual({ num, den })
  })
})

describe('transcoders', () => {
  const target = { video: DEFAULT_VIDEO, audio: DEFAULT_AUDIO }

  test('a conforming transcoder copies the track that fits', () => {
    const args = conformArguments({ target, transcode: { video: false, audio: true } })
    expect(valueOf(args, '-c:v')).toBe('copy')
    expect(valueOf(args, '-c:a')).toBe('aac')
    expect(args).not.toContain('nobuffer')
  })

  test('an audio-only slate has no video', () => {
    const args = slateArguments({
      target: { audio: DEFAULT_AUDIO },
      message: 'x',
      background: 'red',
    })
    expect(args).not.toContain('-c:v')
    expect(slateFrames({ target: { audio: DEFAULT_AUDIO }, message: '', background: '' })).toBe(0)
  })
})
