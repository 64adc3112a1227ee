/** Plays one MPEG-TS address, reconnects without limit, stays near the live edge. */

const RETRY_MS = 1500
const STALL_MS = 6000
const WATCH_MS = 1000

/**
 * @param {HTMLVideoElement} video
 * @param {string} url
 * @param {(text: string) => void} say Shows a message to the viewer; empty when it plays.
 */
export const playForever = (video, url, say) => {
  const library = globalThis.mpegts
  if (library === undefined || !library.isSupported()) {
    say('This browser can’t play the program here. Open /stream.ts in VLC or mpv.')
    return
  }
  library.LoggingControl.enableAll = false

  let player = null
  let retry = 0
  let lastTime = -1
  let lastMoved = Date.now()

  const stop = () => {
    const old = player
    player = null
    if (old === null) return
    try {
      old.destroy()
    } catch {
      // A player that failed may fail once more while it is taken down.
    }
  }

  const again = (why) => {
    stop()
    say(why)
    clearTimeout(retry)
    retry = setTimeout(start, RETRY_MS)
  }

  const start = () => {
    clearTimeout(retry)
    stop()
    lastMoved = Date.now()
    player = library.createPlayer(
      { type: 'mpegts', isLive: true, url },
      {
        enableWorker: false,
        enableStashBuffer: false,
        lazyLoad: false,
        autoCleanupSourceBuffer: true,
        autoCleanupMaxBackwardDuration: 30,
        autoCleanupMinBackwardDuration: 10,
        liveSync: true,
        liveSyncTargetLatency: 1.0,
        liveSyncMaxLatency: 2.0,
        liveSyncPlaybackRate: 1.1,
      },
    )
    player.on(library.Events.ERROR, () => again('The stream was interrupted. Reconnecting.'))
    player.on(library.Events.LOADING_COMPLETE, () => again('The stream ended. Reconnecting.'))
    player.attachMediaElement(video)
    player.load()
    Promise.resolve(player.play()).catch(() => {
      // Autoplay refused, or the element was taken down meanwhile: the watch below tries again.
    })
  }

  // A connected stream without data raises no error.
  setInterval(() => {
    if (video.currentTime !== lastTime) {
      lastTime = video.currentTime
      lastMoved = Date.now()
      if (player !== null && !video.paused && video.readyState > 2) say('')
      return
    }
    if (player !== null && Date.now() - lastMoved > STALL_MS && !document.hidden) {
      again('No video is arriving. Reconnecting.')
    }
  }, WATCH_MS)

  document.addEventListener('visibilitychange', () => {
    // A page in the background lags: restart at the live edge.
    if (!document.hidden && Date.now() - lastMoved > STALL_MS) start()
  })

  start()
}
