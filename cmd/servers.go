package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/collection"
	"github.com/hongbao/hongbao/cover"
	"github.com/hongbao/hongbao/cover/diskart"
	"github.com/hongbao/hongbao/cover/s3art"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/internal/sealed"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/tracing"
	"github.com/hongbao/hongbao/transfer"
	"github.com/hongbao/hongbao/wallet/httpfunding"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/webhook"
)

// stopTimeout bounds an orderly stop of anything.
const stopTimeout = 15 * time.Second

// servers are the flags of every command that reaches Redis and MySQL.
type servers struct {
	Data      string           `help:"Folder with the data of the private servers and the development key." default:"./data" type:"path"`
	Redis     []string         `type:"addresses" secret:"redis" help:"Redis: redis://user:password@host:port, rediss://… or unix:///path. Repeat the flag for the nodes of a cluster. file:PATH reads them from a file. Default: a private Redis under --data."`
	MySQL     []string         `name:"mysql" type:"addresses" sep:"none" secret:"mysql" help:"MySQL server: user:password@tcp(host:3306)/. Repeat the flag for more servers. file:PATH reads them from a file. Default: a private MariaDB under --data."`
	Placement map[int]int      `help:"Shards that are not on the server with number (shard modulo servers), as SHARD=SERVER; servers are the --mysql flags, counted from 0. For example 7=1;8=1. Once hongbao shard pin or a move has written down where they are, this says nothing any more."`
	Prefix    string           `help:"Prefix of the schemas' names." default:"hongbao_s"`
	Shards    int              `help:"Logical shards, fixed at installation (1 to 1,024)." default:"4"`
	Expiry    time.Duration    `help:"How long an envelope stays open." default:"24h"`
	MaxShares int              `help:"Maximum number of shares of an envelope." default:"100"`
	MaxMean   int64            `help:"Maximum of the average share, in minor units, for currencies that --max-mean-in does not name." default:"20000"`
	MaxMeanIn map[string]int64 `help:"--max-mean for single currencies: JPY=4000;KWD=10000."`

	TransferExpiry        time.Duration    `help:"How long the offer of a transfer stays open." default:"24h"`
	TransferHour          time.Duration    `help:"How long an hour of arrives_in lasts. Shorten it for demonstrations." default:"1h"`
	ReminderAfter         time.Duration    `help:"Time after which members who have not paid into a collection are reminded." default:"24h"`
	DailyLimit            int64            `help:"Maximum of a user's transfers and payments into collections in a day (UTC), in minor units, for currencies that --daily-limit-in does not name. 0 means no limit." default:"20000000"`
	DailyLimitIn          map[string]int64 `help:"--daily-limit for single currencies: JPY=5000000;KWD=0."`
	DailyLimitWithdrawals bool             `help:"Withdrawals count towards --daily-limit too, and are refused above it."`
	DailyLimitEnvelopes   bool             `help:"Envelopes count towards --daily-limit too, and are refused above it."`

	AuditEvery     time.Duration `help:"How often workers audit the books of their own accord, one at a time. The first audit of an installation begins within five minutes. 0 means never." default:"1h"`
	FullAuditEvery time.Duration `help:"How often such an audit reads all the books, and compares what was sealed. The others read what no audit has sealed. 0 means always." default:"168h"`

	WebhookAllowPrivate bool `help:"Let webhooks go to http:// and to addresses that are private, loopback or reserved. Anybody who may add a webhook can then reach the network of this process."`

	ArtDir        string        `help:"Folder with the images of covers, shared by all processes of an installation. Default: art under --data." type:"path"`
	ArtS3         string        `name:"art-s3" help:"Bucket of an S3-compatible store for the images of covers, instead of --art-dir: https://host/bucket or https://host/bucket/prefix."`
	ArtS3Region   string        `name:"art-s3-region" help:"Region of the bucket. Default: the store is asked."`
	ArtS3Keys     string        `name:"art-s3-credentials" help:"File with the bucket's credentials, as ~/.aws/credentials. Default: the environment, that file, or the machine's role." type:"existingfile"`
	CoverValidity time.Duration `help:"How long a cover can be used after its approval." default:"4392h"`

	SecretKeys string `help:"File with the keys that the secrets of webhooks are kept with, one on a line: its name and the base64 of 32 random bytes. The first encrypts, all of them decrypt. Every up, rpc and work needs it; without it no webhooks can be made. Default: secret.keys under --data, if it is there; up makes it." type:"existingfile"`

	VolatileRedis bool          `help:"Accept a Redis that may lose acknowledged data (no AOF, no fsync, or eviction). Wins can then be lost, and shares given away twice."`
	VolatileMySQL bool          `name:"volatile-mysql" help:"Accept MySQL servers that may lose their last commits (innodb_flush_log_at_trx_commit or sync_binlog other than 1, no redo log, a TiDB without TiKV). Sends and credits can then be lost."`
	WaitReplicas  int           `help:"Number of Redis replicas that must have a grab before it is acknowledged." default:"0"`
	WaitTimeout   time.Duration `help:"How long a grab waits for the replicas." default:"1s"`
}

// connected is where the servers are, and what to do when the command ends.
type connected struct {
	config  app.Config // Unfunded until funding.use
	metrics *prometheus.Registry
	bank    *httpfunding.Provider // nil in a sandbox, and where no money moves in or out
	tracing *tracing.Tracing      // nil for none
	private *devstack.Stack       // nil unless this process started the servers
	close   func()
}

// endpoints is what `up` writes under --data for other commands to find its servers by.
type endpoints struct {
	Redis string `json:"redis"`
	MySQL string `json:"mysql"`
	RPC   string `json:"rpc"`
	HTTP  string `json:"http"`
}

const endpointsFile = "up.json"

// connect finds the servers of an installation, as connectOrMake does. It makes none: a typing error in --data would
// otherwise be answered by an empty installation.
func (f servers) connect(ctx context.Context, at console) (*connected, error) {
	if (len(f.Redis) == 0 || len(f.MySQL) == 0) && !devstack.Holds(f.Data) {
		return nil, fmt.Errorf(
			"there is no installation in %s: give the --data of a hongbao up, or --redis and --mysql", f.Data)
	}
	return f.connectOrMake(ctx, at)
}

// connectOrMake finds the servers: those that the flags name; else the private ones of an `up` that runs; else it
// starts them, and makes them where there are none.
func (f servers) connectOrMake(ctx context.Context, at console) (*connected, error) {
	c := &connected{metrics: newMetrics(), close: func() {}}
	limits, err := f.limits()
	if err != nil {
		return nil, err
	}
	transfers, collections, err := f.rules()
	if err != nil {
		return nil, err
	}
	if f.DailyLimitEnvelopes {
		limits.PerDay = transfers.PerDay
	}
	var withdrawals ledger.DailyLimits
	if f.DailyLimitWithdrawals {
		withdrawals = transfers.PerDay
	}
	art, err := f.art()
	if err != nil {
		return nil, err
	}
	secrets, err := f.secrets()
	if err != nil {
		return nil, err
	}
	c.config = app.Config{
		Redis: f.Redis, MySQL: f.MySQL, Placement: f.Placement, Prefix: f.Prefix, Shards: f.Shards,
		Limits: limits, Transfers: transfers, Collections: collections, Unfunded: true, WaitReplicas: f.WaitReplicas,
		WaitTimeout: f.WaitTimeout, Withdrawals: withdrawals, AuditEvery: f.AuditEvery,
		FullAuditEvery: f.FullAuditEvery,
		Webhooks:       webhook.Rules{AllowPrivate: f.WebhookAllowPrivate},
		Covers:         cover.Rules{Validity: f.CoverValidity}, Art: art,
		VolatileRedis: f.VolatileRedis, VolatileMySQL: f.VolatileMySQL, Secrets: secrets,
		Log: at.log, Registerer: c.metrics, Now: time.Now,
	}
	if len(f.Redis) > 0 && len(f.MySQL) > 0 {
		return c, nil
	}
	release, err := devstack.Lock(f.Data)
	if errors.Is(err, devstack.ErrInUse) {
		return c, c.attach(f.Data)
	}
	if err != nil {
		return nil, err
	}
	c.private, err = devstack.Up(ctx, devstack.Options{Dir: f.Data, Log: at.log,
		Progress: func(line string) { at.say("  %s", line) }})
	if err != nil {
		release()
		return nil, err
	}
	c.use("unix://"+c.private.Redis.Socket(), c.private.MariaDB.DSN())
	c.config.SettleWidth = max(1, runtime.NumCPU()/2) // the rest of this machine is for those who wait
	c.close = func() {
		stopCtx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		if err := c.private.Stop(stopCtx); err != nil {
			at.log.Error("the private servers did not stop in order", "error", err)
		}
		release()
	}
	return c, nil
}

// attach uses the servers of the `up` that has the data folder.
func (c *connected) attach(data string) error {
	e, err := readEndpoints(data)
	if err != nil {
		return fmt.Errorf("%s is in use, but not by a hongbao that is up: %w", data, err)
	}
	c.use(e.Redis, e.MySQL)
	return nil
}

// use sets the private servers where the flags name none.
func (c *connected) use(redis, mysql string) {
	if len(c.config.Redis) == 0 {
		c.config.Redis = []string{redis}
	}
	if len(c.config.MySQL) == 0 {
		c.config.MySQL = []string{mysql}
	}
}

// check finds everything that is wrong before anything is reached.
func (f servers) check() error {
	layout := shards.Config{DSNs: f.MySQL, Shards: f.Shards, Prefix: f.Prefix, Placement: f.Placement}
	if len(f.MySQL) == 0 {
		layout.DSNs = []string{"/"} // the private one
	}
	_, limits := f.limits()
	_, _, rules := f.rules()
	_, art := f.art()
	_, secrets := f.secrets()
	wrong := []error{layout.Check(), limits, rules, art, secrets}
	if f.Shards < 1 {
		wrong = append(wrong, fmt.Errorf("--shards %d is out of range: give 1 to %d", f.Shards, shards.MaxShards))
	}
	if len(f.Redis) > 0 {
		_, err := app.RedisOption(f.Redis)
		wrong = append(wrong, err)
	}
	if f.AuditEvery < 0 || f.AuditEvery > 0 && f.AuditEvery < time.Second {
		wrong = append(wrong, errors.New("--audit-every is 0 or at least 1s"))
	}
	if f.FullAuditEvery < 0 {
		wrong = append(wrong, errors.New("--full-audit-every is at least 0"))
	}
	if f.WaitReplicas < 0 || f.WaitTimeout < time.Millisecond {
		wrong = append(wrong, errors.New("--wait-replicas is at least 0, --wait-timeout at least 1ms"))
	}
	return errors.Join(wrong...)
}

func (f servers) limits() (envelope.Limits, error) {
	limits := envelope.DefaultLimits()
	limits.OpenFor, limits.Count, limits.Mean = f.Expiry, f.MaxShares, f.MaxMean
	limits.MeanIn = make(map[ledger.Currency]int64)
	for code, mean := range f.MaxMeanIn {
		currency, err := ledger.ParseCurrency(code)
		if err != nil {
			return limits, err
		}
		limits.MeanIn[currency] = mean
	}
	fits := func(mean int64) bool { return mean >= 1 && mean <= ledger.MaxMinor/int64(limits.Count) }
	if limits.OpenFor < time.Second || limits.Count < 1 || !fits(limits.Mean) {
		return limits, errors.New(
			"--expiry is at least 1s, --max-shares and --max-mean at least 1, and their product at most 2^40")
	}
	for currency, mean := range limits.MeanIn {
		if !fits(mean) {
			return limits, fmt.Errorf("--max-mean-in %s is %d: it is at least 1, and times --max-shares at most 2^40",
				currency, mean)
		}
	}
	return limits, nil
}

// art is where the images of covers are.
func (f servers) art() (cover.Art, error) {
	if f.CoverValidity < time.Second {
		return nil, errors.New("--cover-validity is at least 1s")
	}
	if f.ArtS3 != "" {
		return s3art.New(s3art.Config{URL: f.ArtS3, Region: f.ArtS3Region, CredentialsFile: f.ArtS3Keys})
	}
	folder := f.ArtDir
	if folder == "" {
		folder = filepath.Join(f.Data, "art")
	}
	return diskart.New(folder), nil
}

// secretKeys is the file with keys that `up` makes under --data.
const secretKeys = "secret.keys"

// secrets are the keys that secrets are kept with; nil where there are none.
func (f servers) secrets() (*sealed.Keys, error) {
	if f.SecretKeys != "" {
		return sealed.Load(f.SecretKeys)
	}
	keys, err := sealed.Load(filepath.Join(f.Data, secretKeys))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return keys, err
}

// makeSecrets makes the keys where an `up` has none.
func (f servers) makeSecrets(c *connected) (err error) {
	if c.config.Secrets != nil {
		return nil
	}
	path := filepath.Join(f.Data, secretKeys)
	if err := sealed.Make(path, time.Now()); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	c.config.Secrets, err = sealed.Load(path)
	return err
}

// checkStart refuses a process that could not read what others keep, or could make no ids beside them.
func checkStart(ctx context.Context, a *app.App) error {
	err := a.CheckSecrets(ctx)
	if missing, ok := errors.AsType[*sealed.NoKeyError](err); ok {
		return fmt.Errorf("%w: give --secret-keys with a file that has the key %s", err, missing.Key)
	}
	if errors.Is(err, sealed.ErrForged) {
		return fmt.Errorf("%w: the key of that name in --secret-keys is another one: give the file that it is in", err)
	}
	if err != nil {
		return err
	}
	return a.Nodes.Take(ctx)
}

func (f servers) rules() (transfer.Rules, collection.Rules, error) {
	transfers, collections := transfer.DefaultRules(), collection.DefaultRules()
	limits := ledger.DailyLimits{Default: f.DailyLimit, In: make(map[ledger.Currency]int64)}
	least := f.DailyLimit
	for code, most := range f.DailyLimitIn {
		currency, err := ledger.ParseCurrency(code)
		if err != nil {
			return transfers, collections, err
		}
		limits.In[currency] = most
		least = min(least, most)
	}
	transfers.OfferFor, transfers.Hour, transfers.PerDay = f.TransferExpiry, f.TransferHour, limits
	collections.RemindIn, collections.PerDay = f.ReminderAfter, limits
	if transfers.OfferFor < time.Second || transfers.Hour < time.Millisecond || collections.RemindIn < time.Second ||
		least < 0 {
		return transfers, collections, errors.New(
			"--transfer-expiry and --reminder-after are at least 1s, --transfer-hour 1ms, --daily-limit and " +
				"--daily-limit-in 0")
	}
	return transfers, collections, nil
}

// with opens the installation for run and lets go of everything when that has returned. prepare, where it is not nil,
// changes the configuration first.
func (f servers) with(
	ctx context.Context, at console, prepare func(*connected) error, run func(*connected, *app.App) error,
) error {
	c, err := f.connect(ctx, at)
	if err != nil {
		return err
	}
	return c.with(ctx, prepare, run)
}

// with is servers.with on servers that are found.
func (c *connected) with(
	ctx context.Context, prepare func(*connected) error, run func(*connected, *app.App) error,
) error {
	defer c.close()
	if prepare != nil {
		if err := prepare(c); err != nil {
			return err
		}
	}
	a, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer a.Close()
	return run(c, a)
}

// open opens the installation, with a hint where there is none.
func (c *connected) open(ctx context.Context) (*app.App, error) {
	s, err := app.Open(ctx, c.config)
	if errors.Is(err, shards.ErrNotInstalled) {
		return nil, fmt.Errorf("%w: run `hongbao migrate` with the same --mysql and --redis first", err)
	}
	if errors.Is(err, app.ErrNoFunding) {
		return nil, fmt.Errorf("%w: give --funding-url and --funding-secret-file", err)
	}
	if errors.Is(err, app.ErrSandbox) {
		return nil, fmt.Errorf("%w: leave out --funding-url, or install another one with --no-sandbox", err)
	}
	return s, err
}

func readEndpoints(data string) (e endpoints, err error) {
	text, err := os.ReadFile(filepath.Join(data, endpointsFile))
	if err != nil {
		return e, err
	}
	return e, json.Unmarshal(text, &e)
}

func writeEndpoints(data string, e endpoints) error {
	text, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(data, endpointsFile), append(text, '\n'), 0o600)
}
