import { expect, test } from 'vitest'
import { arrivalOf, hostOf, parseSourceUrl } from './source-url.ts'

test.each([
  ['udp://239.0.0.1:1234', 'udp', 'udp://239.0.0.1:1234'],
  ['RTMP://h/a/k', 'rtmp', 'RTMP://h/a/k'],
  ['rtmp-listen://0.0.0.0:1935/a/k', 'rtmp_listen', 'rtmp://0.0.0.0:1935/a/k'],
  ['https://h/live.m3u8?t=1', 'hls', 'https://h/live.m3u8?t=1'],
  ['hls+http://h/live', 'hls', 'http://h/live'],
  ['https://h/live.ts', 'http', 'https://h/live.ts'],
  ['file:///a%20b.ts', 'file', 'file:/a b.ts'],
  ['/a/100%.ts', 'file', 'file:/a/100%.ts'],
  ['-i', 'file', 'file:-i'],
  ['v4l2:/dev/video0?size=640x480', 'v4l2', '/dev/video0'],
  ['test:?size=640x360', 'test', ''],
  ['text:Back%20at%208%3F', 'text', 'Back at 8?'],
  ['lavfi:testsrc2=s=64x64,negate', 'lavfi', 'testsrc2=s=64x64,negate'],
])('%s is %s %s', (url, kind, target) => {
  expect(parseSourceUrl(url)).toMatchObject({ kind, target })
})

test.each([
  'concat:/etc/passwd|x',
  'subfile:x',
  'crypto:x',
  'gopher://x',
  'pipe:0',
  'ftp://h/a',
  '',
])('%j is refused with what is supported', (url) => {
  expect(() => parseSourceUrl(url)).toThrow(
    expect.objectContaining({
      code: 'unsupported_url',
      message: expect.stringMatching(/source url/),
    }),
  )
})

test.each([
  ['https://user:pw@H.example:8080/live?x=1', 'h.example:8080'],
  ['hls+https://h/live', 'h'],
  ['rtmps://h:443/app/key', 'h:443'],
  ['srt://192.0.2.7:9000', '192.0.2.7:9000'],
  ['srt://0.0.0.0:9000?mode=listener', undefined],
  ['rtmp-listen://0.0.0.0:1935/a/k', undefined],
  ['udp://239.0.0.1:5000', undefined],
  ['/a/clip.mp4', undefined],
  ['text:https://h/', undefined],
])('connections of %s count for %s', (url, host) => {
  expect(hostOf(url)).toBe(host)
})

test.each([
  ['udp://239.0.0.1:5000', true, 'steadily'],
  ['https://h/live.m3u8', true, 'by_segment'],
  ['https://h/live.ts', true, 'steadily'],
  ['https://h/film.MP4?token=1', false, 'steadily'],
  ['film.ts', false, 'steadily'],
  ['test:', true, 'steadily'],
])('%s: live is %s, units arrive %s', (url, live, arrives) => {
  expect(arrivalOf(url)).toEqual({ live, arrives })
})
