// avalanche-net starts a network of AvalancheGo nodes with FusionVM as the VM of a subnet, and does with its nodes what it is told.
//
// It talks in lines of JSON. The first line that it prints names the nodes; the first that it reads says with which genesis and with
// which configuration of each node the chain begins. Then come commands: kill, start, stop. The network ends with its input.
package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/ava-labs/avalanchego/api/info"
	"github.com/ava-labs/avalanchego/chains"
	"github.com/ava-labs/avalanchego/config"
	"github.com/ava-labs/avalanchego/config/node"
	"github.com/ava-labs/avalanchego/ids"
	"github.com/ava-labs/avalanchego/tests/fixture/tmpnet"
	"github.com/ava-labs/avalanchego/utils/logging"
)

const (
	// Nothing that is waited for takes longer.
	patience = 3 * time.Minute
	poll     = 100 * time.Millisecond
	// Files that a node wants to open at a time, unless it is told otherwise.
	filesWanted = 32 << 10
)

// begin is the first line of the input.
type begin struct {
	Genesis string `json:"genesis"`
	// Configuration of the chain, by the node's ID.
	Configs map[string]json.RawMessage `json:"configs"`
	// Nodes that start with the network; the others wait for their command.
	Start int `json:"start"`
}

// command is any later line: what is done to which node.
type command struct {
	Do   string `json:"do"`
	Node int    `json:"node"`
}

type running struct {
	Chain string `json:"chain"`
	// API of each node, empty for one that does not run.
	URIs []string `json:"uris"`
}

func main() {
	avalanchego := flag.String("avalanchego", "", "the node's program")
	plugins := flag.String("plugins", "", "folder with fusionvm under its VM ID")
	dir := flag.String("dir", "", "folder of the network, which should be empty")
	count := flag.Int("nodes", 1, "number of nodes")
	verbose := flag.Bool("verbose", false, "log debug messages of the nodes")
	flag.Parse()
	// Signals go to the whole group of a terminal: what is to end is said by whoever has started this.
	signal.Notify(make(chan os.Signal, 1), os.Interrupt, syscall.SIGTERM)
	if err := run(*avalanchego, *plugins, *dir, *count, *verbose); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(avalanchego, plugins, dir string, count int, verbose bool) error {
	nodes := tmpnet.NewNodesOrPanic(count)
	names := make([]map[string]string, count)
	for i, node := range nodes {
		names[i] = map[string]string{
			"id":  node.NodeID.String(),
			"hex": hex.EncodeToString(node.NodeID.Bytes()),
		}
	}
	if err := say(names); err != nil {
		return err
	}
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(nil, 1<<20)
	var first begin
	if err := read(input, &first); err != nil {
		return err
	}
	genesis, err := os.ReadFile(first.Genesis)
	if err != nil {
		return err
	}
	network, later := describe(avalanchego, plugins, nodes, genesis, first.Start, verbose)
	n := &net{network: network, later: later, nodes: nodes, configs: first.Configs}
	err = n.begin(dir)
	if err == nil {
		err = n.obey(input)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return errors.Join(err, network.Stop(ctx))
}

func describe(
	avalanchego, plugins string,
	nodes []*tmpnet.Node,
	genesis []byte,
	start int,
	verbose bool,
) (*tmpnet.Network, []*tmpnet.Node) {
	if start <= 0 || start > len(nodes) {
		start = len(nodes)
	}
	var vmID ids.ID
	copy(vmID[:], "fusionvm")
	flags := tmpnet.DefaultE2EFlags()
	flags[config.IndexEnabledKey] = "false"
	if !verbose {
		flags[config.LogLevelKey] = logging.Info.String()
	}
	// The node does not start where it may not open as many files as it would like.
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err == nil && files.Max < filesWanted {
		flags[config.FdLimitKey] = strconv.FormatUint(files.Max, 10)
	}
	return &tmpnet.Network{
		Owner: "fusionvm",
		DefaultRuntimeConfig: tmpnet.NodeRuntimeConfig{Process: &tmpnet.ProcessRuntimeConfig{
			AvalancheGoPath:   avalanchego,
			PluginDir:         plugins,
			ReuseDynamicPorts: true,
		}},
		DefaultFlags: flags,
		Nodes:        nodes[:start:start],
		Subnets: []*tmpnet.Subnet{{
			Name:         "fusion",
			ValidatorIDs: tmpnet.NodesToIDs(nodes[:start]...),
			Chains: []*tmpnet.Chain{{
				VMID:        vmID,
				Genesis:     genesis,
				VersionArgs: []string{"version-json"},
			}},
		}},
	}, nodes[start:]
}

type net struct {
	network *tmpnet.Network
	later   []*tmpnet.Node
	nodes   []*tmpnet.Node
	configs map[string]json.RawMessage
}

// begin does what tmpnet.BootstrapNewNetwork does, but gives each node a configuration of its own once the chain has a name.
func (n *net) begin(dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	log := logging.NoLog{}
	if err := n.network.EnsureDefaultConfig(ctx, log); err != nil {
		return err
	}
	if err := n.network.Create(dir); err != nil {
		return err
	}
	first := n.network.Nodes[0]
	alone := len(n.network.Nodes) == 1
	if !alone {
		first.Flags[config.SybilProtectionEnabledKey] = "false"
	}
	if err := n.network.StartNodes(ctx, log, first); err != nil {
		return err
	}
	if _, err := n.network.CreateSubnets(ctx, log, first); err != nil {
		return err
	}
	if err := n.configure(); err != nil {
		return err
	}
	if !alone {
		delete(first.Flags, config.SybilProtectionEnabledKey)
	}
	if err := first.Restart(ctx); err != nil {
		return err
	}
	if !alone {
		if err := n.network.StartNodes(ctx, log, n.network.Nodes[1:]...); err != nil {
			return err
		}
	}
	if err := tmpnet.WaitForHealthyNodes(ctx, log, n.network.Nodes); err != nil {
		return err
	}
	return n.report(ctx)
}

func (n *net) chain() ids.ID {
	return n.network.Subnets[0].Chains[0].ChainID
}

func (n *net) configure() error {
	for _, node := range n.nodes {
		content := map[string]chains.ChainConfig{
			n.chain().String(): {Config: n.configs[node.NodeID.String()]},
		}
		bytes, err := json.Marshal(content)
		if err != nil {
			return err
		}
		node.Flags[config.ChainConfigContentKey] = base64.StdEncoding.EncodeToString(bytes)
		node.Flags[config.TrackSubnetsKey] = n.network.Subnets[0].SubnetID.String()
	}
	return nil
}

// report says where the chain is, once each node that runs answers for it.
func (n *net) report(ctx context.Context) error {
	uris := make([]string, len(n.nodes))
	for i, node := range n.nodes {
		if node.URI == "" {
			continue
		}
		uris[i] = node.URI
		client := info.NewClient(node.URI)
		for {
			done, err := client.IsBootstrapped(ctx, n.chain().String())
			if err == nil && done {
				break
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("node %d has no chain: %w", i, errors.Join(ctx.Err(), err))
			case <-time.After(poll):
			}
		}
	}
	return say(running{Chain: n.chain().String(), URIs: uris})
}

// obey does what it is told until its input ends.
func (n *net) obey(input *bufio.Scanner) error {
	for {
		var next command
		if err := read(input, &next); errors.Is(err, errEnd) {
			return nil
		} else if err != nil {
			return err
		}
		if next.Node < 0 || next.Node >= len(n.nodes) {
			return fmt.Errorf("there is no node %d", next.Node)
		}
		if err := n.do(next); err != nil {
			return fmt.Errorf("%s %d: %w", next.Do, next.Node, err)
		}
	}
}

func (n *net) do(next command) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	subject := n.nodes[next.Node]
	switch next.Do {
	case "kill":
		if err := kill(subject); err != nil {
			return err
		}
	case "stop":
		if err := subject.Stop(ctx); err != nil {
			return err
		}
		subject.URI = ""
	case "start":
		if err := n.network.StartNode(ctx, subject); err != nil {
			return err
		}
		n.adopt(subject)
		if err := subject.WaitForHealthy(ctx); err != nil {
			return err
		}
	default:
		return errors.New("no command: kill, stop or start")
	}
	return n.report(ctx)
}

// adopt makes a node that has started late one of the network, so that it ends with it.
func (n *net) adopt(late *tmpnet.Node) {
	for i, node := range n.later {
		if node == late {
			n.later = append(n.later[:i], n.later[i+1:]...)
			n.network.Nodes = append(n.network.Nodes, late)
			return
		}
	}
}

// kill ends a node as a loss of power does, and leaves nothing that says that it runs.
func kill(subject *tmpnet.Node) error {
	path := filepath.Join(subject.DataDir, config.DefaultProcessContextFilename)
	bytes, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var process node.ProcessContext
	if err := json.Unmarshal(bytes, &process); err != nil {
		return err
	}
	if err := syscall.Kill(process.PID, syscall.SIGKILL); err != nil {
		return err
	}
	// The node may be a child of this process, or not; its end is what counts.
	_, _ = syscall.Wait4(process.PID, nil, 0, nil)
	subject.URI = ""
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

var errEnd = errors.New("the input has ended")

func read(input *bufio.Scanner, into any) error {
	if !input.Scan() {
		return errors.Join(errEnd, input.Err())
	}
	return json.Unmarshal(input.Bytes(), into)
}

func say(value any) error {
	bytes, err := json.Marshal(value)
	if err != nil {
		return err
	}
	_, err = fmt.Println(string(bytes))
	return err
}
