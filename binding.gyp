{
  # node-gyp rebuild                     the addon that ships
  # node-gyp rebuild -- -Dsanitize=1     the same under AddressSanitizer and UndefinedBehaviorSanitizer
  #
  # A warning is an error in the sanitized build alone, which is ours: what a compiler or a libnl of tomorrow warns
  # of must not keep somebody from installing.
  'variables': { 'sanitize%': 0 },
  'targets': [
    {
      'target_name': 'netlink',
      'sources': [
        'native/addon.cc',
        'native/attributes.cc',
        'native/codec.cc',
        'native/diag_codec.cc',
        'native/failure.cc',
        'native/group_socket.cc',
        'native/handle.cc',
        'native/ipvs_codec.cc',
        'native/job_thread.cc',
        'native/js_input.cc',
        'native/js_output.cc',
        'native/message.cc',
        'native/nft_generation.cc',
        'native/peer_credentials.cc',
        'native/route_codec.cc',
        'native/session.cc',
        'native/socket.cc',
        'native/status_message.cc',
        'native/subscription.cc',
        'native/tcp_options.cc',
        'native/transport.cc',
        'native/wakeup.cc',
      ],
      'defines': [
        'NAPI_VERSION=8',
        'NAPI_DISABLE_CPP_EXCEPTIONS',
        'NODE_ADDON_API_DISABLE_DEPRECATED',
        # A worker that is being terminated can no longer take an exception: that is no reason to abort.
        'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
      ],
      'cflags': [
        '<!@(pkg-config --cflags libnl-3.0 libnl-genl-3.0 || { echo "netlink-ts needs libnl: apt-get install pkg-config libnl-3-dev libnl-genl-3-dev" >&2; exit 1; })',
      ],
      'cflags_cc': [
        '-std=c++20',
        '-isystem', '<!(node -p "path.dirname(require.resolve(\'node-addon-api\'))")',
        '-Wall', '-Wextra', '-Wpedantic', '-Wconversion', '-Wsign-conversion', '-Wshadow', '-Wnon-virtual-dtor',
        '-Wcast-align', '-Wformat=2',
        '-fvisibility=hidden',
      ],
      'cflags_cc!': [ '-std=gnu++17', '-std=gnu++20' ],
      'libraries': [ '<!@(pkg-config --libs libnl-3.0 libnl-genl-3.0)' ],
      # A prebuilt addon has libnl beside it (scripts/package).
      'ldflags': [ '-Wl,-z,relro,-z,now,-z,noexecstack', "-Wl,--disable-new-dtags,-rpath,'$$ORIGIN'" ],
      'conditions': [
        [ 'sanitize==1', {
          'cflags': [ '-fsanitize=address,undefined', '-fno-sanitize-recover=undefined', '-fno-omit-frame-pointer', '-g' ],
          'cflags!': [ '-O3', '-fomit-frame-pointer' ],
          'cflags_cc': [ '-Werror' ],
          'cflags+': [ '-O1' ],
          'ldflags': [ '-fsanitize=address,undefined' ],
        }, {
          'cflags': [ '-fstack-protector-strong', '-fstack-clash-protection', '-U_FORTIFY_SOURCE', '-D_FORTIFY_SOURCE=2' ],
        } ],
        [ 'target_arch=="x64" and sanitize==0', { 'cflags': [ '-fcf-protection' ] } ],
      ],
    },
  ],
}
