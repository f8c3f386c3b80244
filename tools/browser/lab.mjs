// What the tests in JupyterLab share: JupyterLab on a free port, and what is left when it has ended.

import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync, readdirSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";

export const check = (holds, text) => {
  if (!holds) throw new Error(text);
};
export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// until polls f until it gives something true.
export const until = async (what, f, ms = 20000) => {
  for (const end = Date.now() + ms; ; await sleep(20)) {
    const value = await f();
    if (value) return value;
    if (Date.now() > end) throw new Error(`${what}: not within ${ms / 1000} s`);
  }
};

const freePort = () =>
  new Promise((done) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });

// stray are the processes that JupyterLab started, its kernels, and what these started: all have its folder for temporary files,
// or one in it, in their environment.
export const stray = (temporary) =>
  readdirSync("/proc").flatMap((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return [];
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
      const variables = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
      return variables.some((v) => v.startsWith(`TMPDIR=${temporary}`)) || command.includes(temporary) || readlinkSync(`/proc/${pid}/cwd`).startsWith(temporary)
        ? [`${pid} ${command.slice(0, 150)}`]
        : [];
    } catch {
      return []; // ended meanwhile, or another user's
    }
  });

// startLab starts JupyterLab on the checkout's notebooks, with this folder for temporary files. Its end method waits until it has ended.
export async function startLab(checkout, temporary) {
  const port = await freePort();
  const token = randomBytes(16).toString("hex");
  const server = spawn(
    join(checkout, "tools/env"),
    [
      join(checkout, ".venv/bin/python"), "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", `--port=${port}`, `--IdentityProvider.token=${token}`,
      "--ServerApp.port_retries=0", "--expose-app-in-browser", "--LanguageServerManager.autodetect=False", `--ServerApp.root_dir=${join(checkout, "notebooks")}`,
      ...(process.getuid() === 0 ? ["--allow-root"] : []),
    ],
    { env: { ...process.env, TMPDIR: temporary }, stdio: ["ignore", "pipe", "pipe"], detached: true },
  );
  let log = "";
  for (const stream of [server.stdout, server.stderr]) stream.on("data", (data) => (log = (log + data).slice(-20000)));
  const ended = () => server.exitCode !== null || server.signalCode !== null;
  const kill = () => ended() || process.kill(-server.pid, "SIGKILL");
  await until("JupyterLab answers", async () => {
    check(!ended(), `JupyterLab ended:\n${log}`);
    return fetch(`http://127.0.0.1:${port}/api?token=${token}`).then((r) => r.ok, () => false);
  }, 120000).catch((error) => {
    kill();
    throw error;
  });
  return {
    address: (path) => `http://127.0.0.1:${port}/lab/tree/${path}?token=${token}`,
    end: async (patience = 30000) => {
      if (ended()) return;
      process.kill(server.pid, "SIGTERM");
      await until("JupyterLab ends", ended, patience);
    },
    kill,
  };
}

// statusOf tells what the kernel of the notebook in front does; the Go kernel tells no status, "unknown", before it has run something.
export const statusOf = (page) =>
  page.evaluate(() => globalThis.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status ?? "none");

// command runs a command of JupyterLab's menus without waiting for its end.
export const command = (page, name) => page.evaluate((c) => void globalThis.jupyterapp.commands.execute(c), name);
