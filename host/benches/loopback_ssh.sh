#!/bin/sh
# Makes this machine a device of itself: `ssh://loopback` by a real sshd on a free port of loopback, with keys and a configuration that
# are made for this, and an agent for it.
#
#     host/benches/loopback_ssh.sh AGENT COMMAND...
#
# AGENT is an `edgefit-agent` for this machine, such as target/release/edgefit-agent. COMMAND runs with all of it, and everything is gone
# when it ends. It needs OpenSSH's server and client. ssh says what it sent in the file that EDGEFIT_SSH_LOG names.
set -eu
agent=$1
shift
folder=$(mktemp -d)
trap 'kill "$(cat "$folder/pid")" 2>/dev/null || true; rm -rf "$folder"' EXIT INT TERM
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir -p "$folder/programs" "$folder/device" "$folder/data/edgefit/agents" /run/sshd
for key in host_key key; do ssh-keygen -q -t ed25519 -N '' -f "$folder/$key"; done
cat > "$folder/sshd" <<END
ListenAddress 127.0.0.1
Port $port
HostKey $folder/host_key
AuthorizedKeysFile $folder/key.pub
PidFile $folder/pid
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
SetEnv HOME=$folder/device
END
cat > "$folder/config" <<END
Host loopback
HostName 127.0.0.1
Port $port
User $(id -un)
IdentityFile $folder/key
IdentitiesOnly yes
UserKnownHostsFile $folder/known_hosts
END
echo "[127.0.0.1]:$port $(cat "$folder/host_key.pub")" > "$folder/known_hosts"
printf '#!/bin/sh\nexec %s -F %s -v -E %s "$@"\n' "$(command -v ssh)" "$folder/config" "$folder/log" > "$folder/programs/ssh"
chmod +x "$folder/programs/ssh"
cp "$agent" "$folder/data/edgefit/agents/edgefit-agent-$(uname -m)-unknown-linux-gnu"
/usr/sbin/sshd -f "$folder/sshd" -E "$folder/sshd.log"
export PATH="$folder/programs:$PATH" XDG_DATA_HOME="$folder/data" EDGEFIT_SSH_LOG="$folder/log"
"$@"
