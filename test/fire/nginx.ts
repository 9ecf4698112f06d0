/**
 * nginx as a gRPC proxy before the servers, in the foreground, with everything it writes in a directory of the run's.
 */
import { execFile, type ChildProcess } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { end, start } from "./processes.js";

/** Few, so that nginx says GOAWAY often. Its own default is 1,000. */
const CALLS_A_CONNECTION = 200;

function configOf(folder: string, port: number, upstreams: readonly number[]): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `
daemon off;
worker_processes 1;
${process.getuid?.() === 0 ? "user root;" : ""}
pid ${folder}/nginx.pid;
error_log stderr notice;
events { worker_connections 1024; }
http {
  access_log off;
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join("\n  ")}
  keepalive_requests ${CALLS_A_CONNECTION};
  upstream fire {
    ${upstreams.map((one) => `server 127.0.0.1:${one} max_fails=1 fail_timeout=1s;`).join("\n    ")}
    keepalive 8;
  }
  server {
    listen 127.0.0.1:${port} http2;
    location / {
      grpc_pass grpc://fire;
      grpc_connect_timeout 2s;
      grpc_read_timeout 30s;
    }
  }
}
`;
}

export class Nginx {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(port: number, child: ChildProcess) {
    this.port = port;
    this.#child = child;
  }

  /** @throws Error when it cannot be had, with the reason. */
  static async start(folder: string, port: number, upstreams: readonly number[]): Promise<Nginx> {
    const script = fileURLToPath(new URL("nginx.sh", import.meta.url));
    const command = await new Promise<string>((resolve, reject) => {
      execFile("bash", [script], (error, stdout, stderr) => {
        const reason = stderr.trim().split("\n").at(-1);
        if (error === null) resolve(stdout.trim());
        else reject(new Error(`nginx cannot be had: ${reason}`));
      });
    });
    const config = join(folder, "nginx.conf");
    writeFileSync(config, configOf(folder, port, upstreams));
    return new Nginx(port, await start(command, ["-c", config, "-p", folder], /start worker process \d/));
  }

  /** A new worker takes new connections; the old one says GOAWAY and finishes. */
  reload(): void {
    this.#child.kill("SIGHUP");
  }

  async close(): Promise<void> {
    await end(this.#child, "SIGTERM");
  }
}
