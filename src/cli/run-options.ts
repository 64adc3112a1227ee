import { Command } from 'commander'
import { SCALAR_OPTIONS } from '../config/options.ts'
import { FORMAT_GRAMMAR } from '../config/format-text.ts'
import type { RunOptions } from './run.ts'
import { CONSOLE_HELP } from './typed-command.ts'

/** Result of commander: flags in its camel case. */
type Parsed = Readonly<Record<string, unknown>>

const collect = (value: string, before: readonly string[] | undefined): string[] => [
  ...(before ?? []),
  value,
]

/** Values are checked by the configuration's schema, not here: the same message for flag, environment and file. */
export const runCommand = (): Command =>
  new Command('run')
    .description('run a channel: sources in, one program out')
    .option('-s, --source <id=url>', 'a source (repeatable); without an id it is s0, s1 …', collect)
    .option('--sources <list>', 'sources in one text: "s0=…;s1=…"')
    .option(
      '-o, --output <url>',
      'an output (repeatable): hls:, dash:, rtmp://, srt://, icecast://, record:dir …; also id=url',
      collect,
    )
    .option('-c, --config <file>', 'configuration file (TOML); flags and environment win over it')
    .option('--channel <id>', 'id of the channel in events, figures and addresses (default: main)')
    .option('--mode <mode>', 'how takes cut: cutover, graceful or seamless (default: cutover)')
    .option('--ingest <mode>', 'hot: sources are always read; standby: when needed (default: hot)')
    .option('--latency <ms>', 'time in the source buffers, 0 to 10000 (default: 800)')
    .option('--failover <mode>', 'auto, observe or off (default: auto)')
    .option('--revert <policy>', 'back to the wanted source: auto or manual (default: auto)')
    .option(
      '--conform <mode>',
      'sources of another format: copy, auto or transcode (default: auto)',
    )
    .option('--format <format>', `video format of the program: ${FORMAT_GRAMMAR}`)
    .option('--transition-timeout <s>', 'how long a take waits for a source to start (default: 15)')
    .option(
      '--hls-mode <mode>',
      'hls: and dash: copy the program, or abr: a ladder (default: copy)',
    )
    .option('--hls-segment-time <s>', 'seconds that a segment aims at, 1 to 30 (default: 4)')
    .option('--hls-list-size <n>', 'segments in the playlist (default: 20)')
    .option('--hls-container <kind>', 'segments as ts or fmp4 (default: ts)')
    .option('--hls-dvr <s>', 'seconds of the past that stay listed (default: 0)')
    .option('--low-latency', 'LL-HLS: parts, blocking reload; implies fmp4')
    .option('--slate-message <text>', 'text of the slate')
    .option('--name <text>', 'name of the channel')
    .option(
      '--listen <address>',
      'where to serve (default: 127.0.0.1:8099); others than loopback need a token',
    )
    .option(
      '--token <token>',
      'token for requests that change state; SLUICE_TOKEN and --token-file are not visible to other users',
    )
    .option('--token-file <file>', 'a file whose first line is the token')
    .option('--ffmpeg <path>', 'the ffmpeg to use')
    .option('--state-dir <folder>', 'where state that outlives the process is kept')
    .option('--log-level <level>', 'debug, info, warn or error (default: info)')
    .option('--json', 'log and answers as JSON lines')
    .option('--no-tty', 'no live view: log lines, and commands by line from standard input')
    .addHelpText('after', RUN_HELP)

const RUN_HELP = `
Every option has an environment variable: SLUICE_MODE, SLUICE_LATENCY, SLUICE_SOURCES, SLUICE_OUTPUTS, SLUICE_CONFIG …
Flags win over the environment, the environment over the file. Also read: HLS_SEGMENT_TIME, HLS_LIST_SIZE,
TRANSITION_TIMEOUT, MUX_MODE, ABR_PRESET, ABR_GOP_SIZE, ABR_VARIANTS, ICECAST_ENABLED …, KICK_URL and KICK_KEY.

Outputs (docs/outputs.md):
  hls:  dash:                          served at /live/stream.m3u8 and /live/stream.mpd
  rtmp://host/app/key  rtmps://…       one persistent connection
  twitch:key  kick:key  youtube:key    the same, at the platform's address
  srt://host:port?streamid=…           transport stream over SRT
  icecast://source:password@host:8000/mount.mp3
  record:dir                           recordings, rotated
  udp://  rtp://  file.ts  -           transport stream
  A key or password may be {env:NAME} or {file:/path}: then it is in no list of processes.

In a terminal there is a live view:
${CONSOLE_HELP.map((line) => `  ${line}`).join('\n')}
Without a terminal each line of standard input is a command; a key alone on a line is that key.

Examples:
  sluice run -s udp://127.0.0.1:5000 -s backup.mp4
  sluice run --sources "s0=udp://239.0.0.1:5000;s1=rtmp://host/live/key" --mode graceful -o udp://239.0.0.9:5000
  sluice run -s cam.ts -o hls: -o record:/srv/recordings --hls-mode abr
  sluice run -s cam.ts -o hls: --low-latency --hls-segment-time 2
  sluice run -s cam.ts -o 'twitch:{env:TWITCH_KEY}' -o 'icecast://source:{env:PW}@radio.example:8000/live.mp3'
  sluice run --config channel.toml --latency 400

channel.toml:
  name = "Channel 1"
  latencyMs = 800
  [failover]
  revert = "manual"
  [[sources]]
  id = "main"
  url = "srt://192.0.2.7:9000"
  [[sources]]
  id = "backup"
  url = "backup.mp4"
  delayMs = 40
  [hls]
  segmentTime = 4
  [[outputs]]
  id = "air"
  url = "udp://239.0.0.9:5000"
  [[outputs]]
  id = "web"
  url = "hls:"`

const camelCase = (flag: string): string =>
  flag.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())

const textOf = (value: unknown): string | undefined =>
  value === undefined ? undefined : value === true ? 'true' : String(value)

export const runOptionsOf = (parsed: Parsed): RunOptions => {
  const scalars = Object.fromEntries(
    SCALAR_OPTIONS.map(({ flag }) => [flag, textOf(parsed[camelCase(flag)])]),
  )
  const { source, output } = parsed
  const [sources, format, file] = [
    textOf(parsed['sources']),
    textOf(parsed['format']),
    textOf(parsed['config']),
  ]
  return {
    flags: {
      scalars,
      ...(Array.isArray(source) ? { source: source.map(String) } : {}),
      ...(Array.isArray(output) ? { output: output.map(String) } : {}),
      ...(sources === undefined ? {} : { sources }),
      ...(format === undefined ? {} : { format }),
    },
    ...(file === undefined ? {} : { file }),
    view: parsed['tty'] === false ? 'off' : 'auto',
  }
}
