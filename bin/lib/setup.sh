# Sourced by bin/test and bin/demo: finds out what is missing and installs it. POSIX shell.
# Expects $root, the checkout.

say() { printf '%s\n' "$*" >&2; }
die() {
  say "$*"
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

need_node() {
  have node && have npm || die 'Node.js (with npm) is missing: install 20.19 or newer, 22 or 24 (https://nodejs.org)'
  node -e '
    const [major, minor] = process.versions.node.split(".").map(Number)
    const ok = (major === 20 && minor >= 19) || (major === 22 && minor >= 14) || major > 22
    process.exit(ok ? 0 : 1)
  ' || die "Node.js $(node --version) is too old: install 20.19 or newer, 22 or 24"
}

is_installed() {
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

apt_install() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq update || say 'apt-get update failed; trying with the lists that are here'
  # RUNLEVEL=1: servers that come with the packages are not started; the tests start their own.
  RUNLEVEL=1 apt-get -qq install -y --no-install-recommends "$@" </dev/null >&2
}

# need_debian package…: installs those that are missing.
need_debian() {
  missing=''
  for package in "$@"; do
    is_installed "$package" || missing="$missing $package"
  done
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" -eq 0 ]; then
    say "Installing:$missing"
    # shellcheck disable=SC2086
    apt_install $missing || die "apt-get could not install:$missing"
    return 0
  fi
  say "Missing:$missing"
  say "Install once, as root:  sudo apt-get update && sudo apt-get install -y --no-install-recommends$missing"
  return 1
}

# need_command name hint: for systems without apt-get.
need_command() {
  have "$1" && return 0
  say "$1 is missing: $2"
  return 1
}

ffmpeg_hint() {
  case $(uname -s) in
    Darwin) echo 'brew install ffmpeg' ;;
    *) echo 'install ffmpeg 4.4 or newer with libx264 from your system, or put one on PATH' ;;
  esac
}

need_ffmpeg() {
  if [ -n "${SLUICE_FFMPEG:-}" ] || have ffmpeg; then return 0; fi
  if have apt-get; then need_debian ffmpeg; else need_command ffmpeg "$(ffmpeg_hint)"; fi
}

# For the text in generated pictures; FFmpeg from Debian brings no font.
need_fonts() {
  have apt-get || return 0
  [ -z "$(find /usr/share/fonts /usr/local/share/fonts -name '*.[ot]tf' 2>/dev/null | head -n 1)" ] || return 0
  need_debian fonts-dejavu-core
}

need_modules() {
  if [ -f "$root/node_modules/.package-lock.json" ] &&
    [ ! "$root/package-lock.json" -nt "$root/node_modules/.package-lock.json" ]; then
    return 0
  fi
  say 'Installing the npm packages …'
  (cd "$root" && npm ci --no-audit --no-fund --loglevel=error </dev/null >&2) || die 'npm ci failed'
  touch "$root/node_modules/.package-lock.json"
}

need_build() {
  if [ -f "$root/dist/main.js" ] &&
    [ -z "$(find "$root/src" "$root/tsconfig.json" "$root/tsconfig.build.json" -newer "$root/dist/main.js" ! -name '*.test.ts' -type f | head -n 1)" ]; then
    return 0
  fi
  say 'Building …'
  (cd "$root" && npm run --silent build </dev/null >&2) || die 'the build failed'
  touch "$root/dist/main.js"
}
