#!/bin/sh
# A SLURM of one node, without systemd, for tests: slurm.sh start | stop. It wants to be root, and Debian's slurm-wlm and munge.
set -eu

end() {
  if [ ! -s "$1" ]; then return 0; fi
  number=$(cat "$1")
  kill "$number" 2>/dev/null || return 0
  for _ in $(seq 100); do
    kill -0 "$number" 2>/dev/null || return 0
    sleep 0.1
  done
}

stop() {
  # what a failed test has left running would outlive the daemons
  if scancel --full --signal=KILL --state=RUNNING --user=root 2>/dev/null && scancel --user=root 2>/dev/null; then
    for _ in $(seq 50); do
      if [ -z "$(squeue -h 2>/dev/null)" ]; then break; fi
      sleep 0.1
    done
  fi
  for name in slurmd slurmctld; do
    end "/run/$name.pid"
  done
  end /run/munge/munged.pid
  rm -rf /var/spool/slurmctld /var/spool/slurmd
}

start() {
  install -d -o munge -g munge -m 0755 /run/munge
  if [ ! -f /etc/munge/munge.key ]; then
    dd if=/dev/urandom bs=1 count=1024 of=/etc/munge/munge.key status=none
    chown munge:munge /etc/munge/munge.key
    chmod 400 /etc/munge/munge.key
  fi
  su -s /bin/sh munge -c /usr/sbin/munged
  install -d /var/spool/slurmctld /var/spool/slurmd /var/log/slurm
  cat > /etc/slurm/slurm.conf <<C
ClusterName=test
SlurmctldHost=localhost
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
StateSaveLocation=/var/spool/slurmctld
SlurmdSpoolDir=/var/spool/slurmd
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd.pid
SlurmctldLogFile=/var/log/slurm/slurmctld.log
SlurmdLogFile=/var/log/slurm/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SchedulerType=sched/backfill
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
JobAcctGatherType=jobacct_gather/linux
AccountingStorageType=accounting_storage/none
ReturnToService=2
MpiDefault=none
MaxArraySize=3
DefMemPerCPU=400
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0,bf_interval=1
DependencyParameters=kill_invalid_depend
NodeName=localhost CPUs=2 RealMemory=2000 State=UNKNOWN
PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP
C
  slurmctld
  slurmd -N localhost
  for _ in $(seq 100); do
    if sinfo -h -o %T 2>/dev/null | grep -q idle; then exit 0; fi
    sleep 0.1
  done
  sinfo
  exit 1
}

"$1"
