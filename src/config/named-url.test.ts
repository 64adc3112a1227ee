import { expect, test } from 'vitest'
import { namedUrl, namedUrlList, withIds } from './named-url.ts'

test.each([
  ['s0=udp://h:1', { id: 's0', url: 'udp://h:1' }],
  ['cam=http://h/?a=b;c=d', { id: 'cam', url: 'http://h/?a=b;c=d' }],
  ['http://h/?a=b', { url: 'http://h/?a=b' }],
  ['lavfi:testsrc=size=64x64', { url: 'lavfi:testsrc=size=64x64' }],
  ['./a=b.ts', { url: './a=b.ts' }],
  [' s1 = x ', { url: 's1 = x' }],
  ['s1=', { id: 's1', url: '' }],
  ['hls:', { url: 'hls:' }],
  ['web=hls:', { id: 'web', url: 'hls:' }],
  ['twitch:{env:TWITCH_KEY}', { url: 'twitch:{env:TWITCH_KEY}' }],
  ['tw=twitch:{env:TWITCH_KEY}', { id: 'tw', url: 'twitch:{env:TWITCH_KEY}' }],
  ['rtmps://h:443/app/key?a=b', { url: 'rtmps://h:443/app/key?a=b' }],
  [
    'srt://h:9?streamid=#!::r=live/key,m=publish',
    { url: 'srt://h:9?streamid=#!::r=live/key,m=publish' },
  ],
  ['icecast://source:p=w@h:8000/x.mp3', { url: 'icecast://source:p=w@h:8000/x.mp3' }],
  ['record:/srv/a=b', { url: 'record:/srv/a=b' }],
])('%s', (text, expected) => {
  expect(namedUrl(text)).toEqual(expected)
})

test.each([
  ['s0=a;s1=b', ['s0 a', 's1 b']],
  ['s0=a; s1=b;', ['s0 a', 's1 b']],
  ['s0=http://h/x;y/z?q=1;s1=b', ['s0 http://h/x;y/z?q=1', 's1 b']],
  ['one.ts', ['undefined one.ts']],
  [
    'hls:;dash:;record:/srv/rec',
    ['undefined hls:', 'undefined dash:', 'undefined record:/srv/rec'],
  ],
  [
    'hls:; k=kick:{env:K};udp://h:1?a=b;',
    ['undefined hls:', 'k kick:{env:K}', 'undefined udp://h:1?a=b'],
  ],
  ['http://h/x;y:z', ['undefined http://h/x;y:z']],
  ['', []],
])('the list %s', (text, expected) => {
  expect(namedUrlList(text).map(({ id, url }) => `${id} ${url}`)).toEqual(expected)
})

test('an automatic id never equals a given one', () => {
  expect(withIds([{ id: undefined }, { id: 's0' }, { id: undefined }, { id: 's2' }], 's')).toEqual([
    's1',
    's0',
    's3',
    's2',
  ])
})
