// grpc-go as a contender of the bench: `grpc-go server OPTIONS` or `grpc-go client OPTIONS WORK`. It talks to the bench as its
// Node processes do, in lines of JSON on the descriptor of Node's IPC channel.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// What a server is told, and a client.
type options struct {
	Port                 int
	MaxConcurrentStreams uint32
}

// See work.ts.
type work struct {
	Kind     string
	InFlight int
	Bytes    int
	Count    int
}

// See work.ts.
type turn struct {
	Ms       float64
	IsWarmUp bool
}

type server struct {
	UnimplementedBenchServer
}

func (server) Echo(_ context.Context, request *Payload) (*Payload, error) {
	return request, nil
}

func (server) Download(request *Payload, stream grpc.ServerStreamingServer[Payload]) error {
	for i := int32(0); i < request.Count; i++ {
		if err := stream.Send(request); err != nil {
			return err
		}
	}
	return nil
}

func (server) Upload(stream grpc.ClientStreamingServer[Payload, Payload]) error {
	for count := int32(0); ; count++ {
		if _, err := stream.Recv(); err == io.EOF {
			return stream.SendAndClose(&Payload{Count: count})
		} else if err != nil {
			return err
		}
	}
}

func (server) Exchange(stream grpc.BidiStreamingServer[Payload, Payload]) error {
	for {
		message, err := stream.Recv()
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = stream.Send(message)
		}
		if err != nil {
			return err
		}
	}
}

func payload(bytes int) *Payload {
	return &Payload{Id: "row-0001", Count: 77, Body: []byte(strings.Repeat("\x07", bytes-14))}
}

// One call. How many messages it was.
func call(client BenchClient, work work, message *Payload) int {
	ctx := context.Background()
	received := 0
	switch work.Kind {
	case "echo":
		_, err := client.Echo(ctx, message)
		check(err)
		return 1
	case "download":
		stream, err := client.Download(ctx, &Payload{Id: message.Id, Count: int32(work.Count), Body: message.Body})
		check(err)
		received = receive(stream.Recv)
	case "upload":
		stream, err := client.Upload(ctx)
		check(err)
		for i := 0; i < work.Count; i++ {
			check(stream.Send(message))
		}
		response, err := stream.CloseAndRecv()
		check(err)
		received = int(response.Count)
	case "exchange":
		stream, err := client.Exchange(ctx)
		check(err)
		go func() {
			for i := 0; i < work.Count; i++ {
				check(stream.Send(message))
			}
			check(stream.CloseSend())
		}()
		received = receive(stream.Recv)
	case "pingPong":
		stream, err := client.Exchange(ctx)
		check(err)
		for ; received < work.Count; received++ {
			check(stream.Send(message))
			_, err := stream.Recv()
			check(err)
		}
		check(stream.CloseSend())
		receive(stream.Recv)
	}
	if received != work.Count {
		log.Fatalf("%d messages were wanted: %d came", work.Count, received)
	}
	return received
}

func receive(next func() (*Payload, error)) int {
	for received := 0; ; received++ {
		if _, err := next(); err == io.EOF {
			return received
		} else {
			check(err)
		}
	}
}

// Works for a turn, and says what was done.
func take(client BenchClient, work work, turn turn) map[string]any {
	message := payload(work.Bytes)
	begin := time.Now()
	end := begin.Add(time.Duration(turn.Ms * float64(time.Millisecond)))
	var mutex sync.Mutex
	var loops sync.WaitGroup
	var latencies []float64
	messages := 0
	before, _ := usage()
	for range work.InFlight {
		loops.Go(func() {
			for start := time.Now(); start.Before(end); start = time.Now() {
				done := call(client, work, message)
				took := float64(time.Since(start).Microseconds()) / 1000
				mutex.Lock()
				messages += done
				latencies = append(latencies, took)
				mutex.Unlock()
			}
		})
	}
	loops.Wait()
	after, peak := usage()
	done := map[string]any{
		"done": messages, "elapsedMs": float64(time.Since(begin).Microseconds()) / 1000,
		"cpuUs": after - before, "peakRssBytes": peak,
	}
	if work.Kind == "echo" {
		sort.Float64s(latencies)
		done["p50Ms"] = latencies[len(latencies)/2]
		done["p99Ms"] = latencies[len(latencies)*99/100]
	}
	return done
}

// Microseconds of processor time so far, and the largest resident set.
func usage() (int64, int64) {
	var used syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return used.Utime.Nano()/1000 + used.Stime.Nano()/1000, used.Maxrss * 1024
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	descriptor, err := strconv.Atoi(os.Getenv("NODE_CHANNEL_FD"))
	check(err)
	channel := os.NewFile(uintptr(descriptor), "ipc")
	say := func(message any) {
		line, err := json.Marshal(message)
		check(err)
		_, err = channel.Write(append(line, '\n'))
		check(err)
	}
	var told options
	check(json.Unmarshal([]byte(os.Args[2]), &told))
	lines := bufio.NewScanner(channel)

	if os.Args[1] == "server" {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		check(err)
		grpcServer := grpc.NewServer(grpc.MaxConcurrentStreams(told.MaxConcurrentStreams))
		RegisterBenchServer(grpcServer, server{})
		go func() { check(grpcServer.Serve(listener)) }()
		say(map[string]any{"port": listener.Addr().(*net.TCPAddr).Port})
		for lines.Scan() {
			cpu, peak := usage()
			say(map[string]any{"cpuUs": cpu, "rssBytes": 0, "peakRssBytes": peak})
		}
		return
	}

	var row work
	check(json.Unmarshal([]byte(os.Args[3]), &row))
	connection, err := grpc.NewClient(fmt.Sprintf("127.0.0.1:%d", told.Port), grpc.WithTransportCredentials(insecure.NewCredentials()))
	check(err)
	client := NewBenchClient(connection)
	say(map[string]any{"ready": true})
	for lines.Scan() {
		var next turn
		check(json.Unmarshal(lines.Bytes(), &next))
		say(take(client, row, next))
	}
}
