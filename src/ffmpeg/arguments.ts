/**
 * Global options, first in every command. `level+` puts "[error]" and the like into each line of stderr, for its
 * classification; `repeat+` keeps ffmpeg from collapsing lines that must be counted.
 */
export const GLOBAL: readonly string[] = [
  '-nostdin',
  '-hide_banner',
  '-nostats',
  '-loglevel',
  'repeat+level+warning',
]

/**
 * MPEG-TS on stdout with source time and frame granularity. Measured with FFmpeg 5.1:
 * - without `-pes_payload_size 0` audio frames share PES packets (19 PES where 283 frames were);
 * - without `-max_interleave_delta 1` the muxer holds video back while another track is silent (a gap of 3.9 s after the
 *   audio had ended; 45 ms with it), and batches two frames and more into a write. The order between tracks does not
 *   matter to our demuxer;
 * - `-muxdelay 0 -muxpreload 0` with `-copyts` leave the timestamps unchanged.
 */
export const TS_OUTPUT: readonly string[] = [
  ...['-copyts', '-muxdelay', '0', '-muxpreload', '0'],
  ...['-max_interleave_delta', '1', '-flush_packets', '1', '-max_muxing_queue_size', '4096'],
  ...['-pes_payload_size', '0', '-f', 'mpegts', 'pipe:1'],
]
