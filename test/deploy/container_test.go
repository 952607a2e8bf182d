package deploy

import (
	"bytes"
	"debug/elf"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// stages are those of the Dockerfile, with what BuildKit finds odd about it.
func stages(t *testing.T, text []byte) (all []instructions.Stage, odd []string) {
	t.Helper()
	parsed, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range parsed.Warnings {
		odd = append(odd, w.Short)
	}
	lint := linter.New(&linter.Config{Warn: func(rule, _, _, short string, _ []parser.Range) { odd = append(odd, rule+": "+short) }})
	all, _, err = instructions.Parse(parsed.AST, lint)
	if err != nil {
		odd = append(odd, err.Error())
	}
	return all, odd
}

func dockerfile(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// BuildKit, which builds it, takes the Dockerfile; and a mistake in it is told.
func TestDockerfileIsRight(t *testing.T) {
	t.Parallel()
	if _, odd := stages(t, dockerfile(t)); len(odd) > 0 {
		t.Errorf("%q", odd)
	}
	wrong := bytes.Replace(dockerfile(t), []byte("STOPSIGNAL"), []byte("STOPSIGN"), 1)
	if _, odd := stages(t, wrong); len(odd) == 0 {
		t.Error("an instruction that does not exist is not told")
	}
}

// What the last stage promises is so: nobody's rights, commands that the binary has,
// the ports that loka listens on.
func TestDockerfileSaysWhatIsSo(t *testing.T) {
	t.Parallel()
	all, _ := stages(t, dockerfile(t))
	last := all[len(all)-1]
	if last.BaseName != "scratch" {
		t.Errorf("it is made of %s", last.BaseName)
	}
	seen := make(map[string]bool)
	for _, command := range last.Commands {
		seen[strings.ToUpper(command.Name())] = true
		switch c := command.(type) {
		case *instructions.UserCommand:
			if c.User != "65532:65532" {
				t.Errorf("it runs as %s", c.User)
			}
		case *instructions.ExposeCommand:
			if !slices.Equal(c.Ports, []string{"3333", "9090"}) {
				t.Errorf("it exposes %q", c.Ports)
			}
		case *instructions.HealthCheckCommand:
			test := c.Health.Test
			if len(test) < 3 || test[0] != "CMD" || test[1] != "/loka" {
				t.Fatalf("its health is %q", test)
			}
			has(t, test[2:])
		case *instructions.CmdCommand:
			has(t, c.CmdLine)
		case *instructions.VolumeCommand:
			if !slices.Equal(c.Volumes, []string{"/data"}) {
				t.Errorf("its volumes are %q", c.Volumes)
			}
		}
	}
	for _, name := range []string{"USER", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD", "VOLUME", "STOPSIGNAL"} {
		if !seen[name] {
			t.Errorf("there is no %s", name)
		}
	}
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(dockerfile(t), []byte("ARG GO_VERSION=1.26\n")) || !bytes.Contains(text, []byte("\ngo 1.26")) {
		t.Error("it is built with another Go than go.mod asks for")
	}
}

// has wants the binary to have a command, with its flags.
func has(t *testing.T, args []string) {
	t.Helper()
	bin, err := loka.Path()
	if err != nil {
		t.Fatal(err)
	}
	said(t, "", bin, append(slices.Clone(args), "--help")...)
}

// buildah is Buildah with a storage of its own, which is gone with the test.
type buildah struct {
	program, storage string
}

func newBuildah(t *testing.T) *buildah {
	t.Helper()
	program := tool(t, "buildah", "buildah")
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: Buildah needs root where it must do without namespaces, so nobody knows whether the image can be built")
	}
	return &buildah{program: program, storage: t.TempDir()}
}

// args are a command's, with where things are.
func (b *buildah) args(args ...string) []string {
	return append([]string{"--storage-driver", "vfs", "--root", filepath.Join(b.storage, "root"), "--runroot", filepath.Join(b.storage, "run")}, args...)
}

func (b *buildah) do(t *testing.T, dir string, args ...string) string {
	t.Helper()
	return strings.TrimSpace(said(t, dir, b.program, b.args(args...)...))
}

// toolchain makes, in place of the image that has Go and that cannot be fetched here, one
// of what this machine has.
func (b *buildah) toolchain(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"usr", "tmp", "root", "proc", "sys", "dev", "etc/ssl/certs"} {
		if err := os.MkdirAll(filepath.Join(dir, "fs", name), 0o755); err != nil { //nolint:gosec // an image's
			t.Fatal(err)
		}
	}
	for _, name := range []string{"bin", "lib", "lib64"} {
		if err := os.Symlink("usr/"+name, filepath.Join(dir, "fs", name)); err != nil {
			t.Fatal(err)
		}
	}
	certificates, err := os.ReadFile("/etc/ssl/certs/ca-certificates.crt")
	if err != nil {
		t.Skipf("SKIPPED: there are no certificates to put into the image: %v (Debian: apt-get install ca-certificates)", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "fs/etc/ssl/certs/ca-certificates.crt"), certificates, 0o644); err != nil { //nolint:gosec // an image's
		t.Fatal(err)
	}
	said(t, dir, "tar", "-C", "fs", "-cf", "fs.tar", ".")
	goroot := strings.TrimSpace(said(t, "", "go", "env", "GOROOT"))
	text := "FROM scratch\nADD fs.tar /\nENV PATH=" + goroot + "/bin:/usr/bin:/bin GOPATH=/go GOCACHE=/cache\n"
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	b.do(t, dir, "build", "--isolation", "chroot", "-q", "-t", "docker.io/library/golang:1.26-bookworm", ".")
}

// build builds the image of the tree and returns where its files are.
func (b *buildah) build(t *testing.T) (files string) {
	t.Helper()
	b.toolchain(t)
	env := strings.Fields(said(t, "", "go", "env", "GOROOT", "GOMODCACHE", "GOCACHE", "GOPROXY"))
	args := []string{
		"build", "--isolation", "chroot", "--pull-never", "--format", "docker", "-t", "loka",
		"-v", "/usr:/usr:ro", "-v", env[1] + ":/go/pkg/mod", "-v", env[2] + ":/cache", "--build-arg", "GOPROXY=" + env[3],
	}
	if !strings.HasPrefix(env[0], "/usr/") {
		args = append(args, "-v", env[0]+":"+env[0]+":ro")
	}
	b.do(t, root, append(args, ".")...)
	return b.do(t, "", "mount", b.do(t, "", "from", "--pull-never", "loka"))
}

// The image can be built; what is in it is a static binary and certificates; it runs as
// nobody, and its health is that of loka.
func TestImage(t *testing.T) {
	t.Parallel()
	b := newBuildah(t)
	files := b.build(t)
	binary, err := elf.Open(filepath.Join(files, "loka"))
	if err != nil {
		t.Fatal(err)
	}
	defer binary.Close() //nolint:errcheck // it was read
	if libraries, err := binary.ImportedLibraries(); err != nil || len(libraries) > 0 {
		t.Errorf("the binary wants %q: %v", libraries, err)
	}
	var there []string
	found, err := os.ReadDir(files)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range found {
		there = append(there, one.Name())
	}
	for _, name := range there {
		// What Buildah mounts something on while it runs a command is empty.
		if !slices.Contains([]string{"loka", "etc", "data", "dev", "proc", "sys", "run", "tmp", "var"}, name) {
			t.Errorf("there is %s in it", name)
		}
	}
	var image struct {
		Docker struct {
			Config struct {
				User        string
				Env         []string
				Entrypoint  []string
				Cmd         []string
				Healthcheck struct{ Test []string }
			} `json:"config"`
		}
	}
	if err := json.Unmarshal([]byte(b.do(t, "", "inspect", "--type", "image", "loka")), &image); err != nil {
		t.Fatal(err)
	}
	health := image.Docker.Config.Healthcheck.Test
	if image.Docker.Config.User != "65532:65532" || len(health) < 2 {
		t.Fatalf("its settings are %+v", image.Docker.Config)
	}
	ports, err := free(3)
	if err != nil {
		t.Fatal(err)
	}
	env := append(slices.Clone(image.Docker.Config.Env), "LOKA_HTTP_LISTEN="+ports[0], "LOKA_SERVER_LISTEN="+ports[1],
		"LOKA_POOL="+ports[2], "LOKA_USER=account")
	run := func(args []string) (*exec.Cmd, *bytes.Buffer) {
		out := new(bytes.Buffer)
		cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
		cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = "/", env, out, out
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: files, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
		return cmd, out
	}
	healthy := func() bool {
		cmd, _ := run(health[1:])
		return cmd.Run() == nil
	}
	if healthy() {
		t.Error("nothing runs, and its health is well")
	}
	cmd, out := run(append(slices.Clone(image.Docker.Config.Entrypoint), image.Docker.Config.Cmd...))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	well := poll(t, healthy)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil || !well {
		t.Fatalf("its health was well: %t; it ended: %v\n%s", well, err, out)
	}
	info, err := os.Stat(filepath.Join(files, "data"))
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("its folder: %v, %v", info, err)
	}
	if _, err := os.Stat(filepath.Join(files, "data", "api.token")); err != nil {
		t.Error(err)
	}
}

// project is what compose.yaml says, as Compose reads it.
func project(t *testing.T) *types.Project {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join(folder, "compose"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir:  dir,
		ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(dir, "compose.yaml")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Nothing but the miners' port is open to others, nobody has rights, nothing but volumes
// can be written, and versions are said.
func TestComposeIsCareful(t *testing.T) {
	t.Parallel()
	p := project(t)
	if len(p.Services) != 4 {
		t.Fatalf("%d services", len(p.Services))
	}
	for name, s := range p.Services {
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") || s.Privileged {
			t.Errorf("%s: it may do too much", name)
		}
		if name != "loka" && !strings.Contains(s.Image, ":v") && !strings.Contains(s.Image, ":1") {
			t.Errorf("%s: any version of %s", name, s.Image)
		}
		if s.Restart != "unless-stopped" || s.Logging == nil || s.Logging.Options["max-size"] == "" {
			t.Errorf("%s: it does not come back, or its log is not bounded", name)
		}
		for _, port := range s.Ports {
			open := name == "loka" && port.Target == 3333
			if ip := net.ParseIP(port.HostIP); !open && (ip == nil || !ip.IsLoopback()) {
				t.Errorf("%s: port %d is open to %q", name, port.Target, port.HostIP)
			}
		}
	}
}

// What is mounted is there, or is what the operator is told to make.
func TestComposeMountsWhatIsThere(t *testing.T) {
	t.Parallel()
	text := string(read(t, "compose", "compose.yaml"))
	for name, s := range project(t).Services {
		for _, v := range s.Volumes {
			if v.Type != "bind" {
				continue
			}
			if _, err := os.Stat(v.Source); err == nil {
				continue
			}
			base := filepath.Base(v.Source)
			if !strings.Contains(text, "mkdir -p "+base+"\n") && !strings.Contains(text, "cp "+base+".example "+base+" ") {
				t.Errorf("%s: %s is not there, and nobody is told to make it", name, v.Source)
			}
		}
	}
}

// Prometheus takes the file of compose.yaml where it is mounted to, it differs from the
// one for a machine in addresses only, and loka takes its own.
func TestComposeFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put := func(name string, text []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("loka.toml", read(t, "compose", "loka.toml.example"))
	bin, err := loka.Path()
	if err != nil {
		t.Fatal(err)
	}
	said(t, dir, bin, "check", "loka.toml")
	text := replaced(t, string(read(t, "compose", "prometheus.yml")), `/run/secrets/loka/loka\.token`, "loka.token")
	put("prometheus.yml", []byte(text))
	put("loka.token", []byte("token"))
	for _, name := range []string{"loka-rules.yml", "loka-alerts.yml"} {
		put(name, read(t, "prometheus", name))
	}
	said(t, dir, promtool(t), "check", "config", "prometheus.yml")
}
