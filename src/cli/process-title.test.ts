import { expect, test } from 'vitest'
import { publicCommandLine } from './process-title.ts'

test.each([
  { typed: ['run', '-o', 'rtmp://host/app/KEY'], shown: 'run -o rtmp://host***' },
  {
    typed: ['run', '-o', 'web=rtmps://host:443/app/K;E,Y'],
    shown: 'run -o web=rtmps://host:443***',
  },
  { typed: ['run', '-ortmp://[::1]:1935/app/KEY'], shown: 'run -ortmp://[::1]***' },
  { typed: ['run', '--output=twitch:KEY'], shown: 'run --output=twitch:***' },
  { typed: ['run', '-o', 'id=youtube:KEY'], shown: 'run -o id=youtube:***' },
  { typed: ['run', '-o', 'TWITCH://KEY'], shown: 'run -o TWITCH:***' },
  { typed: ['run', '-o', 'rtmp:/host/app/KEY'], shown: 'run -o rtmp:***' },
  { typed: ['run', '-ortmp:/host/app/KEY'], shown: 'run -ortmp:***' },
  {
    typed: ['run', '-o', 'icecast://source:KE/Y@radio.example:8000/live.mp3'],
    shown: 'run -o icecast://***',
  },
  { typed: ['run', '-o', 'srt://host:9000?streamid=KEY'], shown: 'run -o srt://host:9000***' },
  {
    typed: ['run', '--sources', 's0=rtmp://host/live/KEY;s1=rtmp://host/live/KEY'],
    shown: 'run --sources s0=rtmp://host***',
  },
  { typed: ['run', '-s', 'udp://127.0.0.1:5000'], shown: 'run -s udp://127.0.0.1:5000' },
  {
    typed: ['run', '-s', 'a.mp4', '-o', 'hls:', '-o', 'record:/srv', '--latency', '400'],
    shown: 'run -s a.mp4 -o hls: -o record:/srv --latency 400',
  },
  { typed: ['run', '--token', 'KEY', '--json'], shown: 'run --token *** --json' },
  { typed: ['take', 's1', '--token=KEY'], shown: 'take s1 --token=***' },
  { typed: ['run', '--token-file', 'key.txt'], shown: 'run --token-file key.txt' },
  { typed: [], shown: '' },
])('of $typed others see "$shown"', ({ typed, shown }) => {
  expect(publicCommandLine(typed)).toBe(`sluice ${shown}`.trimEnd())
})
