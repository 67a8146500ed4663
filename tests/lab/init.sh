#!/bb/busybox sh
# The first program of the lab's guest, run by the kernel as process 1 from the initial ramdisk (see kernel.ts). Mounts, loads the
# modules that /out/.lab/modules names, shows the host's /usr, /etc and the project (as /host) read-only, and runs
# /out/.lab/command as root with its output on two virtio ports. The exit status is left in /out/.lab/status; then the power goes off.
export PATH=/bb
/bb/busybox --install -s /bb
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/shm /dev/pts
for folder in /tmp /run /dev/shm; do mount -t tmpfs -o mode=1777 tmp $folder; done
mount -t devpts pts /dev/pts
ln -s /proc/self/fd /dev/fd
ln -s fd/0 /dev/stdin
ln -s fd/1 /dev/stdout
ln -s fd/2 /dev/stderr
# Debian's merged /usr; modprobe finds the modules until the host's /usr covers the link.
for folder in bin sbin lib lib64; do ln -s usr/$folder /$folder; done
mkdir -p /usr/lib
ln -s /mods /usr/lib/modules

for module in virtio_pci virtio_console virtio-rng 9pnet_virtio 9p; do modprobe $module || echo "lab: there is no $module"; done
share=trans=virtio,version=9p2000.L,msize=512000
mount -t 9p -o $share out /out || poweroff -f
hostname lab
ip link set lo up
while read -r line; do
  # name[:parameter=value]...
  name=${line%%:*}
  parameters=
  [ "$name" = "$line" ] || parameters=$(echo "${line#*:}" | tr : ' ')
  modprobe $name $parameters || echo "modprobe $line failed" >>/out/.lab/warnings
done </out/.lab/modules
for tag in usr etc host; do mount -t 9p -o $share,ro,cache=loose $tag /$tag || echo "lab: there is no /$tag"; done
for port in /sys/class/virtio-ports/*; do
  case $(cat $port/name) in
    out) out=/dev/${port##*/} ;;
    err) err=/dev/${port##*/} ;;
  esac
done
# What does not end in time tells where it stands before it is ended from outside.
(
  sleep $(cat /out/.lab/patience)
  for process in /proc/[0-9]*; do
    [ "$(readlink $process/exe)" ] || continue
    echo "$(tr '\0' ' ' <$process/cmdline | cut -c1-150)"
    for task in $process/task/*; do echo "  $(cat $task/comm) $(cut -d' ' -f3 $task/stat) $(head -n4 $task/stack | tr '\n' ' ')"; done
  done
  dmesg | tail -n 20
) >>/out/.lab/stuck 2>&1 &
cd /host
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/bb HOME=/root TMPDIR=/tmp LAB=1 \
  setsid /bin/sh /out/.lab/command >$out 2>$err </dev/null
echo $? >/out/.lab/status
dmesg >/out/.lab/dmesg
sync
poweroff -f
