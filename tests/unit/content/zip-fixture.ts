import { crc32, deflateRawSync } from "node:zlib";

/** One member of a zip file to be written, truthfully or not. */
export interface ZipMember {
  readonly name: string;
  readonly data: string | Uint8Array;
  /** What the directory says instead of the truth. */
  readonly claims?: { readonly inflatedBytes?: number; readonly crc?: number };
  /** The deflated bytes as given, for a stream that `data` does not produce. */
  readonly deflated?: Uint8Array;
  readonly encrypted?: boolean;
}

/** A zip file, by APPNOTE.TXT: written here since a library would not write the files that a reader must refuse. */
export function zipOf(members: readonly ZipMember[]): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const member of members) {
    const data = Buffer.from(member.data);
    const name = Buffer.from(member.name);
    const deflated = member.deflated ?? deflateRawSync(data);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(member.encrypted === true ? 1 : 0, 2);
    common.writeUInt16LE(8, 4);
    common.writeUInt32LE(member.claims?.crc ?? crc32(data), 10);
    common.writeUInt32LE(deflated.length, 14);
    common.writeUInt32LE(member.claims?.inflatedBytes ?? data.length, 18);
    common.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([signature(0x04034b50), common, name, deflated]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([signature(0x02014b50), Buffer.from([20, 0]), common, tail, name]));
    locals.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(members.length, 4);
  end.writeUInt16LE(members.length, 6);
  end.writeUInt32LE(central.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...locals, central, signature(0x06054b50), end]);
}

function signature(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
