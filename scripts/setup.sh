#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Installs what is missing, and only that: Debian packages with apt-get (as
# root, or by sudo), everything else below build/ by the registries' ordinary
# clients. Says nothing when nothing is missing; running it again is cheap.
#
#	scripts/setup.sh [build] [demo] [test] [lint] [interop] [bench]
#
#	build	compiler and libraries of calve
#	demo	+ PostgreSQL, the ClickHouse engine, readers (npm)
#	test	+ libcheck, fuzzer, Debian's clickhouse-server and zookeeper
#	lint	clang-format, shellcheck, mandoc
#	interop	PyIceberg, Spark and Iceberg's jars (pip and Maven)
#	bench	PyIceberg, the older Spark, ClickHouse's JDBC driver
#
# Without an argument: build demo test. An interop package that cannot be had
# is an error here; tests/interop/run.sh then says what it skips.

set -eu
umask 022
root=$(cd "$(dirname "$0")/.." && pwd)
build=$root/build

fail() {
	echo "setup: $*" >&2
	exit 1
}

# Entries are PACKAGE, or COMMAND:PACKAGE where any source of the command does.
packages_build=(gcc make pkg-config git libc6-dev libpq-dev
	libcurl4-openssl-dev libzstd-dev liblz4-dev libavro-dev libbsd-dev
	libjansson-dev libyaml-dev zlib1g-dev)
packages_demo=(node:nodejs npm:npm curl:curl psql:postgresql-client
	setpriv:util-linux libmicrohttpd-dev)
packages_test=(check libsubunit-dev clang-14 libclang-rt-14-dev
	clickhouse-server zookeeper java:openjdk-17-jre-headless)
packages_lint=(clang-format-14 shellcheck mandoc)
packages_interop=(java:openjdk-17-jre-headless mvn:maven python3:python3)

# Spark and Iceberg in pairs: an old one that is still in wide use, and the
# newest. Name, pyspark, Iceberg's runtime.
spark_pairs=(
	"old 3.5.1 iceberg-spark-runtime-3.5_2.12:1.5.2"
	"new 4.1.4 iceberg-spark-runtime-4.1_2.13:1.11.0"
)
jdbc=(com.clickhouse:clickhouse-jdbc:0.6.3:jar:all
    org.postgresql:postgresql:42.7.4)
pyiceberg='pyiceberg[pyarrow,sql-sqlite]==0.12.0'

# ---- Debian ------------------------------------------------------------------

missing=()

want_packages() {
	local entry names=() have
	for entry in "$@"; do
		case $entry in
		*:*) command -v "${entry%%:*}" > /dev/null ||
			missing+=("${entry#*:}") ;;
		*) names+=("$entry") ;;
		esac
	done
	[[ ${#names[@]} -gt 0 ]] || return 0
	command -v dpkg-query > /dev/null || {
		echo "setup: not a Debian system: make sure that these are" \
		    "there: ${names[*]}" >&2
		return 0
	}
	have=" $(dpkg-query -W -f '${db:Status-Abbrev}${Package} ' \
	    "${names[@]}" 2>/dev/null || :)"
	for entry in "${names[@]}"; do
		[[ $have == *"ii $entry "* ]] || missing+=("$entry")
	done
}

# PostgreSQL's server programs lie outside PATH, in a folder by version.
want_postgresql() {
	compgen -G '/usr/lib/postgresql/*/bin/initdb' > /dev/null ||
	    command -v initdb > /dev/null || missing+=(postgresql)
}

want_venv() {
	python3 -c 'import ensurepip, venv' 2> /dev/null ||
	    missing+=(python3-venv)
}

install_missing() {
	local sudo=()
	[[ ${#missing[@]} -gt 0 ]] || return 0
	mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
	command -v apt-get > /dev/null ||
	    fail "install these by hand, apt-get is missing: ${missing[*]}"
	if [[ $(id -u) != 0 ]]; then
		command -v sudo > /dev/null || fail "root must install these" \
		    "first: apt-get install ${missing[*]}"
		sudo=(sudo)
	fi
	echo "setup: installing ${missing[*]}"
	local apt=("${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get
		-qq -o DPkg::Lock::Timeout=300)
	mkdir -p "$build"
	if ! { "${apt[@]}" update && "${apt[@]}" install -y \
	    --no-install-recommends "${missing[@]}"; } \
	    > "$build/setup-apt.log" 2>&1 < /dev/null; then
		tail -n 20 "$build/setup-apt.log" >&2
		fail "apt-get failed: see $build/setup-apt.log"
	fi
	missing=()
}

# ---- npm ---------------------------------------------------------------------

setup_npm() {
	local dir=$build/npm
	cmp -s "$root/scripts/npm/package.json" "$dir/package.json" &&
	    [[ -e $dir/.installed ]] && return 0
	[[ $(uname -m) == x86_64 ]] || fail "the ClickHouse engine is" \
	    "packaged for x86_64 only: demo and tests need such a machine"
	echo "setup: npm packages into build/npm"
	mkdir -p "$dir"
	rm -f "$dir/.installed"
	cp "$root/scripts/npm/package.json" "$dir/package.json"
	if ! npm install --prefix "$dir" --no-package-lock --no-audit \
	    --no-fund --no-progress > "$build/setup-npm.log" 2>&1 < /dev/null
	then
		tail -n 20 "$build/setup-npm.log" >&2
		fail "npm failed: see $build/setup-npm.log"
	fi
	: > "$dir/.installed"
}

# ---- pip and Maven -----------------------------------------------------------

pip_install() {
	local log=$build/setup-pip.log
	if ! "$build/venv/bin/pip" install --quiet \
	    --disable-pip-version-check "$@" > "$log" 2>&1 < /dev/null; then
		tail -n 20 "$log" >&2
		fail "pip failed: see $log"
	fi
}

setup_pyiceberg() {
	[[ $(cat "$build/venv/.installed" 2>/dev/null) != "$pyiceberg" ]] ||
	    return 0
	echo "setup: $pyiceberg into build/venv"
	[[ -x $build/venv/bin/pip ]] || python3 -m venv "$build/venv"
	pip_install "$pyiceberg"
	echo "$pyiceberg" > "$build/venv/.installed"
}

# One Spark a folder, build/spark/NAME: two cannot share a venv.
setup_spark() {
	local name=$1 pyspark=$2 jar=$3 dir=$build/spark/$1
	[[ $(cat "$dir/.installed" 2>/dev/null) != "$pyspark $jar" ]] ||
	    return 0
	echo "setup: pyspark $pyspark and $jar into build/spark/$name"
	rm -rf "$dir"
	mkdir -p "$dir"
	pip_install --target "$dir/python" "pyspark==$pyspark"
	if ! mvn -B -q dependency:copy -Dmdep.useBaseVersion=true \
	    "-Dartifact=org.apache.iceberg:$jar" \
	    "-DoutputDirectory=$dir/jars" > "$build/setup-mvn.log" 2>&1 \
	    < /dev/null; then
		tail -n 20 "$build/setup-mvn.log" >&2
		fail "Maven failed: see $build/setup-mvn.log"
	fi
	echo "$pyspark $jar" > "$dir/.installed"
}

# For that Spark, in build/spark/old/jdbc.
setup_jdbc() {
	local dir=$build/spark/old/jdbc driver
	[[ $(cat "$dir/.installed" 2>/dev/null) != "${jdbc[*]}" ]] || return 0
	rm -rf "$dir"
	for driver in "${jdbc[@]}"; do
		echo "setup: $driver into build/spark/old/jdbc"
		if ! mvn -B -q dependency:copy "-Dartifact=$driver" \
		    "-DoutputDirectory=$dir" > "$build/setup-mvn.log" 2>&1 \
		    < /dev/null; then
			tail -n 20 "$build/setup-mvn.log" >&2
			fail "Maven failed: see $build/setup-mvn.log"
		fi
	done
	echo "${jdbc[*]}" > "$dir/.installed"
}

setup_bench() {
	setup_pyiceberg
	# shellcheck disable=SC2086 # splitting is the point
	setup_spark ${spark_pairs[0]}
	setup_jdbc
}

setup_interop() {
	local pair
	setup_pyiceberg
	for pair in "${spark_pairs[@]}"; do
		# shellcheck disable=SC2086 # splitting is the point
		setup_spark $pair
	done
}

# ---- which sets ----------------------------------------------------------------

[[ $# -gt 0 ]] || set -- build demo test
npm=false interop=false bench=false
for arg in "$@"; do
	case $arg in
	build) want_packages "${packages_build[@]}" ;;
	demo | test)
		want_packages "${packages_build[@]}" "${packages_demo[@]}"
		want_postgresql
		[[ $arg == demo ]] || want_packages "${packages_test[@]}"
		npm=true
		;;
	lint) want_packages "${packages_lint[@]}" ;;
	interop | bench)
		want_packages "${packages_interop[@]}"
		want_venv
		[[ $arg == interop ]] && interop=true || bench=true
		;;
	*) fail "unknown set '$arg': build, demo, test, lint, interop or bench" ;;
	esac
done
install_missing
! $npm || setup_npm
! $interop || setup_interop
! $bench || setup_bench
