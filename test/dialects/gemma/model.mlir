// RUN: gemmac-opt %s | gemmac-opt | FileCheck %s

// CHECK: gemma.weight @layer0.qkv : tensor<192x64xf32> scheme q4_0 from ["q_proj.weight", "k_proj.weight", "v_proj.weight"] parts [128, 32, 32]
gemma.weight @layer0.qkv : tensor<192x64xf32> scheme q4_0
    from ["q_proj.weight", "k_proj.weight", "v_proj.weight"] parts [128, 32, 32]
// Rows of a fused tensor; columns of a wide one, of some of its rows; a stack of both.
// CHECK: gemma.weight @layer0.key : tensor<32x64xf32> from ["qkv" rows 128 to 160]
gemma.weight @layer0.key : tensor<32x64xf32> from ["qkv" rows 128 to 160]
// CHECK: gemma.weight @block : tensor<8x4x32xf32> from ["a wide one" rows 3 to 6 columns 64 to 96, "last" rows 0 to 1] parts [3, 1]
gemma.weight @block : tensor<8x4x32xf32> from ["a wide one" rows 3 to 6 columns 64 to 96, "last" rows 0 to 1] parts [3, 1]
// What the checkpoint says is the default: nothing is printed for it.
// CHECK: gemma.weight @layer0.norm : tensor<64xf32> add_one from ["norm.weight"]
gemma.weight @layer0.norm : tensor<64xf32> scheme f32 add_one from ["norm.weight"]

// CHECK: gemma.cache @layer0.cache : tensor<1023x1x256xf32> scheme f16
gemma.cache @layer0.cache : tensor<1023x1x256xf32> scheme f16
