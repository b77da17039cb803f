public import CPostgres

// Text of the server's, names for example, is in the database's encoding. Swift's strings are Unicode. They only carry
// it into a message, so where the encoding is another than UTF-8 nothing is converted: each byte beyond ASCII becomes a
// character of a private area (U+10FF00 and the byte), and CPostgres makes it that byte again (`pase_server_text`).

/// Text of the server's for a message.
public func serverText(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
    if pase_database_is_utf8() { return String(decoding: bytes, as: UTF8.self) }
    var encoded: [UInt8] = []
    encoded.reserveCapacity(bytes.count * 4)
    for byte in bytes {
        if byte < 0x80 {
            encoded.append(byte)
        } else {
            encoded.append(0xF4)
            encoded.append(0x8F)
            encoded.append(0xBC | (byte >> 6))
            encoded.append(0x80 | (byte & 0x3F))
        }
    }
    return String(decoding: encoded, as: UTF8.self)
}

/// Text of the server's that ends with a zero byte, for a message.
public func serverText(_ text: UnsafePointer<CChar>) -> String {
    serverText(
        UnsafeBufferPointer(
            start: UnsafeRawPointer(text).assumingMemoryBound(to: UInt8.self),
            count: pase_string_length(text)))
}

/// How many of the first `limit` bytes of text of the server's are whole characters.
public func wholeCharacters(_ bytes: UnsafeBufferPointer<UInt8>, limit: Int) -> Int {
    guard bytes.count > limit, let start = bytes.baseAddress else { return bytes.count }
    return Int(
        pase_clip_text(
            UnsafeRawPointer(start).assumingMemoryBound(to: CChar.self),
            Int32(clamping: bytes.count), Int32(clamping: limit)))
}
