/**
 * Capture files, read by a parser that shares nothing with the writer.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ConnectionWatch } from "../../../src/transport/inspect/connection-watch.js";
import { ACK, ipPacket, parseEndpoint, RST } from "../../../src/transport/inspect/ip-packet.js";
import { PcapFile } from "../../../src/transport/inspect/pcap-file.js";
import { CAPTURED } from "../../golden/captured-frames.js";
import { AT_MS, passedIn, watch } from "../../support/inspected.js";
import { readPcap, streamOf, type Packet } from "../../support/pcap.js";

function written(use: (file: PcapFile) => void): Packet[] {
  const parts: Uint8Array[] = [];
  use(new PcapFile((bytes) => parts.push(bytes)));
  return readPcap(Buffer.concat(parts));
}

function connection(file: PcapFile, number: number): ConnectionWatch {
  return new ConnectionWatch(number, (event) => file.hear(event), { reading: "nothing" });
}

const CLIENT = "127.0.0.1:50000";
const SERVER = "127.0.0.1:9008";

describe("PcapFile", () => {
  test("holds both directions of a capture, byte for byte, with a handshake before and an end behind them", () => {
    const passed = passedIn(CAPTURED.processOrders);
    const packets = written((file) => watch((event) => file.hear(event), passed));
    assert.deepEqual(
      packets.slice(0, 3).map(({ flags, from, to }) => [flags, from, to]),
      [
        ["SYN", CLIENT, SERVER],
        ["SYN ACK", SERVER, CLIENT],
        ["ACK", CLIENT, SERVER],
      ],
    );
    // A window scale on both sides, so that no window seems to be overrun.
    assert.ok(packets.slice(0, 2).every(({ options }) => options.includes("03030e")));
    for (const [from, address] of [
      ["client", CLIENT],
      ["server", SERVER],
    ] as const) {
      const { bytes, end } = streamOf(packets, address);
      assert.deepEqual(bytes, Buffer.concat(passed.filter(([side]) => side === from).map(([, part]) => part)));
      assert.equal(end, "FIN");
    }
    assert.ok(packets.every(({ atMicros }) => atMicros === AT_MS * 1000));
  });

  test("cuts what is long into segments, of IPv6 as well, and keeps connections apart", () => {
    const large = Buffer.from(Array.from({ length: 100_001 }, (_, i) => i % 251));
    const packets = written((file) => {
      const six = connection(file, 1);
      six.opened(1.5, "[::1]:1234", "[::1]:80");
      const four = connection(file, 2);
      four.opened(2, "[::ffff:10.0.0.7]:1234", "[::ffff:10.0.0.1]:80");
      six.push("server", large, 3);
      four.push("client", Buffer.from("four"), 4);
      six.halfClosed("client", 5);
      six.push("server", Buffer.from("more"), 6);
      six.closed(7);
      four.closed(8, { from: "server", error: new Error("reset") });
    });
    const six = packets.filter(({ version }) => version === 6);
    const four = packets.filter(({ version }) => version === 4);
    const server = `${[...Array<number>(15).fill(0), 1].join(".")}:80`;
    assert.deepEqual(streamOf(six, server).bytes, Buffer.concat([large, Buffer.from("more")]));
    assert.equal(six.filter(({ payload }) => payload.length > 0).length, 8);
    assert.deepEqual(six.at(0)?.atMicros, 1500);
    assert.deepEqual(streamOf(four, "10.0.0.7:1234").bytes.toString(), "four");
    assert.deepEqual(streamOf(four, "10.0.0.1:80").end, "RST");
    assert.equal(six.filter(({ flags }) => flags.includes("FIN")).length, 2);
  });

  test("a server that cannot be reached is a reset", () => {
    const packets = written((file) => {
      const lone = connection(file, 1);
      lone.opened(1, CLIENT, SERVER);
      lone.unreachable(2, new Error("nobody there"));
      lone.closed(3);
    });
    assert.deepEqual(
      packets.slice(3).map(({ from, flags }) => [from, flags]),
      [[SERVER, "RST ACK"]],
    );
  });

  test("makes addresses up where there are none, and leaves out what it did not see begin", () => {
    const packets = written((file) => {
      const unix = connection(file, 3);
      unix.opened(1, "somebody who has gone", "");
      unix.push("client", Buffer.from("a"), 1);
      connection(file, 4).push("client", Buffer.from("b"), 1);
    });
    assert.equal(packets[0]?.from, "127.0.0.1:40003");
    assert.equal(Buffer.concat(packets.map(({ payload }) => payload)).toString(), "a");
  });

  test("sequence numbers go round at 2^32", () => {
    const from = parseEndpoint("127.0.0.1:1");
    assert.ok(from !== undefined);
    const packet = ipPacket({
      from,
      to: from,
      sequence: 2 ** 32 - 1,
      acknowledged: 0,
      flags: ACK | RST,
      payload: Buffer.of(1),
    });
    assert.equal(packet.readUInt32BE(24), 2 ** 32 - 1);
  });

  for (const [text, expected] of [
    ["127.0.0.1:80", "7f000001:80"],
    ["[::1]:443", "00000000000000000000000000000001:443"],
    ["[2001:db8::a:0:1]:1", "20010db8000000000000000a00000001:1"],
    ["[fe80::1%lo]:5", "fe800000000000000000000000000001:5"],
    ["[64:ff9b::1.2.3.4]:5", "0064ff9b000000000000000001020304:5"],
    ["[::ffff:1.2.3.4]:5", "01020304:5"],
    ["localhost:1", undefined],
    ["", undefined],
  ] as const) {
    test(`reads the address ${text || "of nothing"}`, () => {
      const endpoint = parseEndpoint(text);
      const shown = endpoint === undefined ? undefined : `${Buffer.from(endpoint.ip).toString("hex")}:${endpoint.port}`;
      assert.equal(shown, expected);
    });
  }
});
